package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// canaries sends dead letters of one code round again, few at first. It lives
// with the console: what it has not sent when that ends stays a dead letter.
type canaries struct {
	mu      sync.Mutex
	run     *canary // the running one or the last; nil before the first
	stop    context.CancelFunc
	running sync.WaitGroup
}

// canary is one redrive with canary.
type canary struct {
	code, by      string
	step          int // from 1; the last sends the rest
	watched       []letter
	total, sent   int
	ended         bool
	end           string // key of the text that says how it ended
	endBy, endErr string
}

// canarySteps are how many are sent and waited for before the rest.
func canarySteps() []int { return []int{1, 10} }

const (
	// canaryEvery is how often the ledger is asked what became of the letters.
	canaryEvery = 500 * time.Millisecond
	// maxCanary is how many letters one redrive sends.
	maxCanary = 10_000
)

// close stops what runs and waits for it.
func (cs *canaries) close() {
	cs.mu.Lock()
	if cs.stop != nil {
		cs.stop()
	}
	cs.mu.Unlock()
	cs.running.Wait()
}

func (c *Console) formCanary(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, _ ActRequest, a hikyaku.Act) error {
		code := r.PostForm.Get("code")
		letters, err := c.lettersOf(ctx, code, maxCanary)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			return notFound("no dead letter with " + Printable(code))
		}
		return c.startCanary(ctx, code, letters, a)
	})
}

func (c *Console) startCanary(ctx context.Context, code string, letters []hikyaku.Transfer, a hikyaku.Act) error {
	cs := &c.canaries
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.run != nil && !cs.run.ended {
		return &hikyaku.Error{Kind: hikyaku.KindConflict, Message: "a redrive with canary is under way; stop it or wait for it"}
	}
	run := &canary{code: code, by: a.By, total: len(letters)}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the request
	cs.run, cs.stop = run, stop
	cs.running.Go(func() {
		defer stop()
		c.follow(ctx, run, letters, a)
	})
	return nil
}

func (c *Console) formCanaryStop(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(_ context.Context, _ ActRequest, a hikyaku.Act) error {
		cs := &c.canaries
		cs.mu.Lock()
		defer cs.mu.Unlock()
		if cs.run != nil && !cs.run.ended {
			cs.run.ended, cs.run.end, cs.run.endBy = true, "canary_stopped", a.By
			cs.stop()
		}
		return nil
	})
}

// follow sends step by step and stops at the first failure of a step.
func (c *Console) follow(ctx context.Context, run *canary, letters []hikyaku.Transfer, a hikyaku.Act) {
	for _, n := range append(canarySteps(), len(letters)) {
		batch := letters[:min(n, len(letters))]
		letters = letters[len(batch):]
		if len(batch) == 0 {
			break
		}
		last := len(letters) == 0 && n > canarySteps()[len(canarySteps())-1]
		if !c.sendStep(ctx, run, batch, a) {
			return
		}
		if last {
			break
		}
		if !c.awaitStep(ctx, run) {
			return
		}
	}
	c.canaries.finish(run, "canary_done", "", "")
}

// finish says how a redrive ended, unless that is said already.
func (cs *canaries) finish(run *canary, end, by, problem string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !run.ended {
		run.ended, run.end, run.endBy, run.endErr = true, end, by, problem
	}
}

func (c *Console) sendStep(ctx context.Context, run *canary, batch []hikyaku.Transfer, a hikyaku.Act) bool {
	cs := &c.canaries
	cs.mu.Lock()
	run.step++
	run.watched = nil
	cs.mu.Unlock()
	for part := range slices.Chunk(batch, 100) {
		ids := make([]string, len(part))
		for i, t := range part {
			ids[i] = t.TransferID
		}
		n, err := c.op.RedriveDeadLetters(ctx, ids, a)
		cs.mu.Lock()
		run.sent += n
		if len(batch) <= canarySteps()[len(canarySteps())-1] {
			for _, t := range part {
				run.watched = append(run.watched, letter{t.Reruns, t})
			}
		}
		cs.mu.Unlock()
		if err != nil {
			cs.finish(run, "canary_broke", "", printableText(AsAPIError(err).Message))
			return false
		}
	}
	return true
}

// awaitStep waits until what was sent has ended; it reports whether to go on.
func (c *Console) awaitStep(ctx context.Context, run *canary) bool {
	tick := time.NewTicker(canaryEvery)
	defer tick.Stop()
	for {
		open, failed, err := c.lookAt(ctx, run)
		switch {
		case ctx.Err() != nil:
			c.canaries.finish(run, "canary_broke", "", ctx.Err().Error())
			return false
		case err != nil:
			c.canaries.finish(run, "canary_broke", "", printableText(AsAPIError(err).Message))
			return false
		case failed != nil:
			end := "canary_other"
			if failed.Failure != nil && failed.Failure.Code == run.code {
				end = "canary_same"
			}
			c.canaries.finish(run, end, printableText(cmp.Or(failed.ID, failed.TransferID)), "")
			return false
		case open == 0:
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// lookAt reads what became of the letters of the step.
func (c *Console) lookAt(ctx context.Context, run *canary) (open int, failed *hikyaku.Transfer, err error) {
	cs := &c.canaries
	cs.mu.Lock()
	watched := slices.Clone(run.watched)
	cs.mu.Unlock()
	for i := range watched {
		l := &watched[i]
		if l.now, err = c.ledger.Transfer(ctx, l.now.TransferID); err != nil {
			return 0, nil, fmt.Errorf("read transfer %s: %w", l.now.TransferID, err)
		}
		switch {
		case !l.over():
			open++
		case l.now.State == hikyaku.Failed || l.now.State == hikyaku.Rejected:
			failed = &l.now
		}
	}
	cs.mu.Lock()
	run.watched = watched
	cs.mu.Unlock()
	return open, failed, nil
}

// letter is a transfer that was sent round again.
type letter struct {
	reruns int // before
	now    hikyaku.Transfer
}

// over tells whether it has ended since it was sent; it may be on its way
// through the queue still.
func (l letter) over() bool { return l.now.State.Ended() && l.now.Reruns != l.reruns }

// shown is the redrive as the page shows it; nil when there was none.
func (cs *canaries) shown(c *Console, p *web.Page) *web.Redrive {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	run := cs.run
	if run == nil {
		return nil
	}
	out := &web.Redrive{
		Code: printableText(run.code), By: printableText(run.by), Running: !run.ended, Step: run.step, Sent: run.sent, Total: run.total,
		Stop: p.CodeAction("/dlq/canary/stop", "canary_stop", run.code, "danger"),
	}
	open := 0
	for _, l := range run.watched {
		out.Letters = append(out.Letters, row(l.now, p.Lang, c.now()))
		if !l.over() {
			open++
		}
	}
	switch {
	case !run.ended && len(run.watched) == 0:
		out.Text = p.T("canary_sending", run.step)
	case !run.ended:
		out.Text = p.T("canary_running", run.step, open, len(run.watched))
	case run.end == "canary_done":
		out.Text = p.T(run.end, run.sent)
	case run.end == "canary_stopped":
		out.Text, out.Bad = p.T(run.end, printableText(run.endBy), run.sent), true
	case run.end == "canary_broke":
		out.Text, out.Bad = p.T(run.end, run.endErr), true
	default:
		out.Text, out.Bad = p.T(run.end, run.endBy, run.sent, run.total), true
	}
	return out
}
