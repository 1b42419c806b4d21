package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

const (
	// maxBulk is how many transfers one request works on.
	maxBulk = 5000
	// bulkAtOnce is how many are worked on together: their commits share a flush.
	bulkAtOnce = 16
	// maxReasons is how many refusals are told one by one.
	maxReasons = 50
)

// outcome is what came of work on several transfers.
type outcome struct {
	mu      sync.Mutex
	done    int
	skipped int
	refused int
	reasons []web.Fact
	more    bool
}

func (o *outcome) add(t hikyaku.Transfer, l Lang, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.done++
		return
	}
	o.refused++
	if len(o.reasons) < maxReasons {
		e := AsAPIError(err)
		text := printableText(e.Code + " " + e.Message)
		if e.Code != "" {
			text = e.Code + " " + FailureTitle(&hikyaku.Failure{Code: e.Code, Message: printableText(e.Message)}, l)
		}
		o.reasons = append(o.reasons, web.Fact{Name: printableText(t.ID), Value: text})
	}
}

// formBulk reruns or cancels the chosen transfers, or all that match the view.
func (c *Console) formBulk(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return invalid("the form cannot be read")
	}
	do, eligible, op, name := c.op.Rerun, canRerun, hikyaku.AuditRerun, r.PostForm.Get("do")
	switch name {
	case "rerun":
	case "cancel":
		do, eligible, op = c.op.Cancel, canCancel, hikyaku.AuditCancel
	default:
		return invalid("do must be rerun or cancel")
	}
	l := requestLang(r)
	o := &outcome{}
	chosen, err := c.chosen(r, o, eligible)
	if err != nil {
		return err
	}
	a, err := c.bulk(r.Context(), op, len(chosen), act(r.Context(), ActRequest{Reason: r.PostForm.Get("reason")}))
	if err != nil {
		return err
	}
	c.each(r.Context(), chosen, func(ctx context.Context, t hikyaku.Transfer) {
		_, err := do(ctx, t.TransferID, a)
		o.add(t, l, err)
	})
	c.tellOutcome(w, r, name, o)
	return nil
}

func canRerun(t hikyaku.Transfer) bool {
	return t.State == hikyaku.Failed || t.State == hikyaku.Cancelled
}

func canCancel(t hikyaku.Transfer) bool { return !t.State.Ended() && !t.CancelRequested }

// chosen returns the transfers that a form names, or those of its view, that
// the action is for.
func (c *Console) chosen(r *http.Request, o *outcome, eligible func(hikyaku.Transfer) bool) ([]hikyaku.Transfer, error) {
	var out []hikyaku.Transfer
	add := func(t hikyaku.Transfer) error {
		if eligible(t) {
			out = append(out, t)
		} else {
			o.skipped++
		}
		return nil
	}
	if r.PostForm.Get("all") != "true" {
		for i, id := range r.PostForm["transfer_id"] {
			if i == maxBulk {
				o.more = true
				break
			}
			t, err := c.transfer(r.Context(), id)
			if err != nil {
				return nil, err
			}
			_ = add(t) // it never fails
		}
		return out, nil
	}
	v := url.Values{}
	for _, name := range conditions() {
		v[name] = r.PostForm[name]
	}
	view, err := c.view(r.Context(), v)
	if err != nil {
		return nil, err
	}
	o.more, err = c.eachListed(r, view, maxBulk, add)
	return out, err
}

// each works on several transfers at once until ctx ends.
func (c *Console) each(ctx context.Context, ts []hikyaku.Transfer, do func(context.Context, hikyaku.Transfer)) {
	next := make(chan hikyaku.Transfer)
	var workers sync.WaitGroup
	for range min(bulkAtOnce, len(ts)) {
		workers.Go(func() {
			for t := range next {
				do(ctx, t)
			}
		})
	}
	for _, t := range ts {
		if ctx.Err() != nil {
			break
		}
		next <- t
	}
	close(next)
	workers.Wait()
}

// tellOutcome leads back when all is well, and says what was refused otherwise.
func (c *Console) tellOutcome(w http.ResponseWriter, r *http.Request, name string, o *outcome) {
	back := backTo(r)
	if o.refused == 0 && o.skipped == 0 && !o.more && o.done > 0 {
		http.Redirect(w, r, withNotice(back, name, o.done), http.StatusSeeOther) //nolint:gosec // backTo gives paths of this console only
		return
	}
	l := requestLang(r)
	say := func(key string, n int) string { return sprintf(web.Text(l, key), numberText(int64(n))) }
	d := &web.Done{Text: say("done_"+name, o.done), Reasons: o.reasons, More: o.more, Back: back}
	switch {
	case o.done+o.skipped+o.refused == 0:
		d.Text = web.Text(l, "bulk_none")
	case o.skipped > 0:
		d.Text += " " + say("done_skipped", o.skipped)
	}
	if o.refused > 0 {
		d.Refused = say("done_refused", o.refused)
	}
	c.page(w, r, http.StatusOK, "done", &web.Page{Title: "done_title", Section: "transfers", Content: d})
}

// withNotice makes the page that is led back to say what was done.
func withNotice(back, name string, n int) string {
	u, err := url.Parse(back)
	if err != nil {
		return back
	}
	q := u.Query()
	q.Set("done", name)
	q.Set("n", strconv.Itoa(n))
	u.RawQuery = q.Encode()
	return u.String()
}

// notice is what a page says of the action before it.
func notice(v url.Values, l Lang) string {
	switch name := v.Get("done"); name {
	case "rerun", "cancel", "redrive", "discard", "resend":
		n, err := strconv.ParseInt(v.Get("n"), 10, 64)
		if err != nil || n < 0 {
			return ""
		}
		return sprintf(web.Text(l, "done_"+name), numberText(n))
	case "limit":
		return web.Text(l, "done_limit")
	}
	return ""
}
