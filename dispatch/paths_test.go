package dispatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
)

// withPaths lets IDs contain "/", and has tasks for four at once.
func withPaths(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, func(o *dispatch.Options) { o.Routes[0].IDPattern = "[^/]+(/[^/]+)*" })
	w.pool(t, 1, 2, 3, 4)
	return w
}

// waitsFor checks that x is parked behind the holder, and says so.
func (w *world) waitsFor(t *testing.T, x, holder hikyaku.Transfer) {
	t.Helper()
	got := w.wantState(t, x, hikyaku.Queued)
	if got.WaitingReason != hikyaku.SameIDRunning || !strings.Contains(got.WaitingDetail, holder.TransferID) ||
		x.ID != holder.ID && !strings.Contains(got.WaitingDetail, `"`+holder.ID+`"`) {
		t.Fatalf("%s waits for %s (%s), want it to wait for %s of %q", x.ID, got.WaitingReason, got.WaitingDetail, holder.TransferID, holder.ID)
	}
}

// finish lets a running transfer's execution succeed.
func (w *world) finish(t *testing.T, x hikyaku.Transfer) {
	t.Helper()
	arn := w.get(t, x).ExecutionARN
	w.executor.Succeed(arn, 1, 1)
	must(t, w.d.Refresh(t.Context(), arn))
	w.wantState(t, x, hikyaku.Succeeded)
}

func TestDispatcher_pathsExcludeEachOther(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ first, second string }{
		"child":      {"2026/11", "2026/11/A-1"},
		"parent":     {"2026/11/A-1", "2026/11"},
		"descendant": {"2026", "2026/11/A-1"},
		"ancestor":   {"2026/11/A-1", "2026"},
		"same":       {"2026/11", `{"id":"2026/11","paths":["x"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withPaths(t)
			first := w.run(t, tc.first)
			second := w.send(t, tc.second)
			sibling := w.run(t, "2026x") // has no part in it
			if n := w.assign(t); n != 0 {
				t.Fatalf("started %d, want none", n)
			}
			w.waitsFor(t, second, first)
			w.finish(t, sibling)
			w.waitsFor(t, second, first)
			w.finish(t, first) // and nothing else: the clock stands still
			w.wantState(t, second, hikyaku.Running)
			w.finish(t, second)
		})
	}
}

func TestDispatcher_pathsWaitForAllBelow(t *testing.T) {
	t.Parallel()
	w := withPaths(t)
	one, two := w.run(t, "a/1"), w.run(t, "a/2/x")
	top := w.send(t, "a")
	w.assign(t)
	first, then := one, two
	if strings.Contains(w.get(t, top).WaitingDetail, two.TransferID) {
		first, then = two, one
	}
	w.waitsFor(t, top, first)
	events, err := w.ledger.Events(t.Context(), top.TransferID, 0)
	must(t, err)
	w.finish(t, then) // not what it was parked behind: it is left alone
	again, err := w.ledger.Events(t.Context(), top.TransferID, 0)
	must(t, err)
	if len(again) != len(events) {
		t.Errorf("%d events became %d while what it waits for runs", len(events), len(again))
	}
	late := w.run(t, "a/3")
	w.finish(t, first)
	w.waitsFor(t, top, late)
	below := w.send(t, "a/1/deep")
	w.assign(t)
	w.wantState(t, below, hikyaku.Running)
	w.finish(t, late)
	w.waitsFor(t, top, below)
	w.finish(t, below)
	w.wantState(t, top, hikyaku.Running)
}

// What an ID held back starts together at its end, one of each that overlap.
func TestDispatcher_pathsWakeTogether(t *testing.T) {
	t.Parallel()
	w := withPaths(t)
	top := w.run(t, "a")
	one, deep, two := w.send(t, "a/1"), w.send(t, "a/1/x"), w.send(t, "a/2")
	again := w.send(t, `{"id":"a","paths":["x"]}`)
	w.assign(t)
	for _, x := range []hikyaku.Transfer{one, deep, two, again} {
		w.waitsFor(t, x, top)
	}
	w.finish(t, top)
	w.wantState(t, one, hikyaku.Running)
	w.wantState(t, two, hikyaku.Running)
	w.wantState(t, deep, hikyaku.Queued)
	w.wantState(t, again, hikyaku.Queued)
	w.finish(t, one)
	w.wantState(t, deep, hikyaku.Running)
	w.finish(t, two)
	w.finish(t, deep)
	w.wantState(t, again, hikyaku.Running)
	if n := len(w.executor.Overlaps()); n > 0 {
		t.Errorf("overlaps: %v", w.executor.Overlaps())
	}
}

// However the holder ends, what is parked behind it is woken.
func TestDispatcher_pathsWakeAtEveryEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *world, hikyaku.Transfer){
		"failed": func(t *testing.T, w *world, x hikyaku.Transfer) {
			w.executor.Fail(x.ExecutionARN, "SourceDenied", "")
			must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
		},
		"backing off": func(t *testing.T, w *world, x hikyaku.Transfer) {
			w.executor.Fail(x.ExecutionARN, "Transient", "")
			must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
		},
		"cancelled": func(t *testing.T, w *world, x hikyaku.Transfer) {
			_, err := w.d.Cancel(t.Context(), x.TransferID, hikyaku.Act{})
			must(t, err)
			w.executor.Move(x.ExecutionARN, func(e *hikyaku.Execution) { e.Status = "ERROR" })
			must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
			w.wantState(t, x, hikyaku.Cancelled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withPaths(t)
			middle := w.run(t, "a/b")
			above, below := w.send(t, "a"), w.send(t, "a/b/c")
			w.assign(t)
			w.waitsFor(t, above, middle)
			w.waitsFor(t, below, middle)
			end(t, w, middle)
			w.wantState(t, above, hikyaku.Running) // the older one
			w.wantState(t, below, hikyaku.Queued)
			w.finish(t, above)
			w.wantState(t, below, hikyaku.Running)
		})
	}
}

// A transfer that was woken and never ran wakes those that were not.
func TestDispatcher_pathsWakeBehindWhatNeverRan(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*testing.T, *world, hikyaku.Transfer){
		"cancelled": func(t *testing.T, w *world, x hikyaku.Transfer) {
			_, err := w.d.Cancel(t.Context(), x.TransferID, hikyaku.Act{})
			must(t, err)
			w.wantState(t, x, hikyaku.Cancelled)
		},
		"missing": func(t *testing.T, w *world, x hikyaku.Transfer) {
			w.source.Set(x.ID, hikyaku.Look{Listed: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withPaths(t)
			top := w.run(t, "a")
			one, deep := w.send(t, "a/1"), w.send(t, "a/1/x")
			w.assign(t)
			w.waitsFor(t, one, top)
			w.waitsFor(t, deep, top)
			_, err := w.d.PauseRoute(t.Context(), "orders", hikyaku.Act{})
			must(t, err)
			w.finish(t, top)
			if got := w.get(t, one); got.WaitingReason == hikyaku.SameIDRunning {
				t.Fatalf("%s was not woken: %s", one.ID, got.WaitingDetail)
			}
			stop(t, w, one)
			_, err = w.d.ResumeRoute(t.Context(), "orders", hikyaku.Act{})
			must(t, err)
			w.assign(t)
			w.assign(t)
			w.wantState(t, deep, hikyaku.Running)
		})
	}
}

// A message joins what waits for the same ID, never a path above or below it.
func TestDispatcher_pathsJoinByEqualID(t *testing.T) {
	t.Parallel()
	w := withPaths(t)
	for _, id := range []string{"a", "a/b", "a", "a/b/c", "a/b"} {
		must(t, w.d.Accept(t.Context(), w.message(id)))
	}
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{})
	must(t, err)
	if len(page.Transfers) != 3 {
		t.Errorf("%d transfers, want 3", len(page.Transfers))
	}
}

// What another process parked looks again by itself.
func TestDispatcher_pathsLookAgain(t *testing.T) {
	t.Parallel()
	w := withPaths(t)
	top := w.run(t, "a")
	below := w.send(t, "a/b")
	w.assign(t)
	w.waitsFor(t, below, top)
	w.d = w.dispatcher() // knows nothing of it
	w.finish(t, top)
	w.clock.Advance(time.Minute)
	w.assign(t)
	w.wantState(t, below, hikyaku.Running)
}

// The ID of an S3 event is the longest path that id_pattern accepts.
func TestDispatcher_Accept_eventsOfPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withEvents, func(o *dispatch.Options) { o.Routes[0].IDPattern = `\d+/\d+(/[A-Z]-\d+)?` })
	x := w.send(t, `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"outbox"},"object":{"key":"orders/2026/11/A-1/x/y.txt"}}}]}`)
	if x.ID != "2026/11/A-1" || x.State != hikyaku.Queued {
		t.Errorf("got %q, %s", x.ID, x.State)
	}
}

// Waking very many takes turns: those that were left out look again.
func TestDispatcher_pathsWakeInBounds(t *testing.T) {
	t.Parallel()
	const below, woken = 300, 256
	w := withPaths(t)
	top := w.run(t, "a")
	for i := range below {
		must(t, w.d.Accept(t.Context(), w.message(fmt.Sprintf("a/%d", i))))
	}
	w.assign(t)
	parked := func() int {
		s, err := w.ledger.Stats(t.Context())
		must(t, err)
		return int(s.Waiting["orders"][hikyaku.SameIDRunning])
	}
	if n := parked(); n != below {
		t.Fatalf("%d parked, want %d", n, below)
	}
	w.finish(t, top)
	if n := parked(); n != below-woken {
		t.Fatalf("%d still parked, want %d", n, below-woken)
	}
	for range below {
		w.clock.Advance(time.Second)
		for _, arn := range w.executor.Live() {
			w.executor.Succeed(arn, 1, 1)
			must(t, w.d.Refresh(t.Context(), arn))
		}
		w.assign(t)
	}
	s, err := w.ledger.Stats(t.Context())
	must(t, err)
	if n := s.Counts["orders"][hikyaku.Succeeded]; n != below+1 {
		t.Errorf("%d of %d succeeded", n, below+1)
	}
}
