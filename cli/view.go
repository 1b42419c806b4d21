package cli

import (
	"fmt"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// view shows transfers as they change; nil shows nothing.
type view interface {
	// show fails when nothing more can be shown.
	show(t hikyaku.Transfer) error
	close()
}

// live is a view that also shows counts, and that the server is out of reach.
type live interface {
	counts(st console.Stats)
	lost(why error)
}

func (a *app) newView() view {
	switch {
	case !a.printer().Text():
		return &recordView{a: a}
	case a.IsTerminal && a.Getenv("TERM") != "dumb":
		return newScreen(a)
	}
	return &lineView{a: a, last: map[string]string{}}
}

// lineView writes a line whenever something worth one changed: the state, the
// phase, the waiting reason, or another tenth of the bytes.
type lineView struct {
	a    *app
	last map[string]string
}

func (v *lineView) show(t hikyaku.Transfer) error {
	key := fmt.Sprint(t.State, t.WaitingReason, t.ExecutionStatus, t.Attempt, console.Percent(t)/10)
	if v.last[t.TransferID] == key {
		return nil
	}
	v.last[t.TransferID] = key
	if t.State.Ended() {
		delete(v.last, t.TransferID)
	}
	_, err := fmt.Fprintf(v.a.Stdout, "%s  %-9s  %s  %3d%%  %s\n",
		v.a.stamp(v.a.Now()), t.State, console.Printable(t.ID), console.Percent(t), v.a.why(t))
	return err
}

func (v *lineView) close() {}
