package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// lineView writes a line whenever something worth one changed: the state, the
// phase, the waiting reason, or another tenth of the bytes.
type lineView struct {
	a    *app
	last map[string]string
}

func (v *lineView) show(t hikyaku.Transfer) {
	key := fmt.Sprint(t.State, t.WaitingReason, t.ExecutionStatus, t.Attempt, console.Percent(t)/10)
	if v.last[t.TransferID] == key {
		return
	}
	v.last[t.TransferID] = key
	if t.State.Ended() {
		delete(v.last, t.TransferID)
	}
	_, _ = fmt.Fprintf(v.a.Stdout, "%s  %-9s  %s  %3d%%  %s\n",
		v.a.stamp(v.a.Now()), t.State, console.Printable(t.ID), console.Percent(t), v.a.why(t))
}

func (v *lineView) close() {}

// screen is the live view of a terminal: the transfers that move, then the
// last ones that ended, redrawn in place.
type screen struct {
	a       *app
	seen    map[string]hikyaku.Transfer
	stats   console.Stats
	lines   int
	drawnAt time.Time
	dirty   bool
}

const (
	redraw       = 100 * time.Millisecond
	keepEnded    = 500
	defaultWidth = 100
	defaultRows  = 30
	idWidth      = 22
	barWidth     = 20
)

func newScreen(a *app) *screen {
	return &screen{a: a, seen: map[string]hikyaku.Transfer{}}
}

func (s *screen) counts(st console.Stats) {
	s.stats = st
	s.draw(true)
}

func (s *screen) show(t hikyaku.Transfer) {
	s.seen[t.TransferID] = t
	s.dirty = true
	s.draw(false)
}

func (s *screen) close() {
	if s.dirty {
		s.draw(true)
	}
}

// draw replaces what it drew before; unless forced, not more often than the
// eye follows.
func (s *screen) draw(force bool) {
	now := s.a.Now()
	if !force && now.Sub(s.drawnAt) < redraw {
		return
	}
	s.drawnAt, s.dirty = now, false
	width, rows := defaultWidth, defaultRows
	if s.a.Size != nil {
		if w, h := s.a.Size(); w > 0 && h > 0 {
			width, rows = w, h
		}
	}
	lines := s.content(width, rows-1)
	var b strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	b.WriteString("\x1b[J")
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	s.lines = len(lines)
	_, _ = s.a.Stdout.Write([]byte(b.String())) // a terminal that is gone ends us by a signal
}

func (s *screen) content(width, rows int) []string {
	var lines []string
	if len(s.stats.Totals) > 0 {
		var parts []string
		for _, st := range console.States() {
			if n := s.stats.Totals[st]; n > 0 {
				parts = append(parts, s.a.paint(stateColour(st), fmt.Sprintf("%s %s", st, count(n))))
			}
		}
		lines = append(lines, strings.Join(parts, "  "))
	}
	all := make([]hikyaku.Transfer, 0, len(s.seen))
	for _, t := range s.seen {
		all = append(all, t)
	}
	slices.SortFunc(all, byInterest)
	for i, t := range all {
		if len(lines) >= rows {
			break
		}
		if i >= keepEnded {
			delete(s.seen, t.TransferID)
			continue
		}
		lines = append(lines, s.row(t, width))
	}
	return lines
}

// byInterest puts what moves first, then what waits, then what ended last.
func byInterest(x, y hikyaku.Transfer) int {
	rank := func(t hikyaku.Transfer) int {
		switch {
		case t.State.Ended():
			return 2
		case t.State == hikyaku.Queued:
			return 1
		}
		return 0
	}
	if d := rank(x) - rank(y); d != 0 {
		return d
	}
	if rank(x) == 2 {
		if d := y.EndedAt.Compare(x.EndedAt); d != 0 {
			return d
		}
	}
	return strings.Compare(x.TransferID, y.TransferID)
}

func (s *screen) row(t hikyaku.Transfer, width int) string {
	id := runewidth.FillRight(cut(console.Printable(t.ID), idWidth), idWidth)
	state := s.a.paint(stateColour(t.State), fmt.Sprintf("%-9s", t.State))
	rest := s.a.why(t)
	if t.State == hikyaku.Running {
		rest = fmt.Sprintf("%s %3d%%  %s", bar(console.Percent(t), barWidth), console.Percent(t), rest)
		if t.Rate > 0 {
			rest += "  " + console.FormatRate(t.Rate, s.a.lang)
		}
		if t.ETA > 0 {
			rest += "  " + s.a.t("left", console.FormatDuration(time.Duration(t.ETA)*time.Second, s.a.lang))
		}
	}
	return id + "  " + state + "  " + cut(rest, max(width-idWidth-14, 10))
}

func bar(percent, width int) string {
	full := min(max(percent*width/100, 0), width)
	return strings.Repeat("━", full) + strings.Repeat("╌", width-full)
}
