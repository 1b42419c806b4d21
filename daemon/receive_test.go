package daemon_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/daemon"
)

// start starts a daemon that is stopped when the bubble's test ends.
func start(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	if err := d.Start(t.Context()); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(d.Stop)
}

func TestDaemon_acceptsAcknowledgesAndAssignsWithoutDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		var accepted sync.Map
		s.accept = func(_ context.Context, m hikyaku.Message) error { accepted.Store(m.ID, true); return nil }
		assigned := make(chan time.Time, 10)
		s.assignAll = func(context.Context) (int, error) {
			if _, ok := accepted.Load("7"); ok {
				assigned <- time.Now()
			}
			return 1, nil
		}
		start(t, daemon.New(s, []hikyaku.Queue{q}, quiet()))
		synctest.Wait()

		began := time.Now()
		q.put(ids(10)...)
		if waited := (<-assigned).Sub(began); waited != 0 {
			t.Errorf("assigning began %v after the message came, want at once", waited)
		}
		synctest.Wait()
		if got := q.gone(); len(got) != 10 {
			t.Errorf("deleted %v, want all ten", got)
		}
		if got := q.back(); len(got) != 0 {
			t.Errorf("released %v, want none", got)
		}
	})
}

func TestDaemon_acceptsAllOfABatchAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		var all sync.WaitGroup // done when four batches of ten are being accepted
		all.Add(40)
		s.accept = func(context.Context, hikyaku.Message) error { all.Done(); all.Wait(); return nil }
		start(t, daemon.New(s, []hikyaku.Queue{q}, quiet()))
		for range 4 {
			q.put(ids(10)...)
		}
		synctest.Wait()
		if got := len(q.gone()); got != 40 {
			t.Errorf("deleted %d messages, want 40", got)
		}
	})
}

func TestDaemon_releasesOnlyWhatWasNotAccepted(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]func() error{
		"error": func() error { return errors.New("ledger is away") },
		"panic": func() error { panic("unexpected body") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, s := newQueue(), &script{}
				s.accept = func(_ context.Context, m hikyaku.Message) error {
					if m.ID == "bad" {
						return accept()
					}
					return nil
				}
				o := quiet()
				logger, log := logged()
				o.Logger = logger
				start(t, daemon.New(s, []hikyaku.Queue{q}, o))
				q.put("a", "bad", "b")
				synctest.Wait()
				if got, want := q.gone(), []string{"h-a", "h-b"}; !slices.Equal(got, want) {
					t.Errorf("deleted %v, want %v", got, want)
				}
				if got, want := q.back(), []released{{"h-bad", time.Second}}; !slices.Equal(got, want) {
					t.Errorf("released %v, want %v", got, want)
				}
				if !strings.Contains(log.String(), "message_id=bad") {
					t.Errorf("log does not name the message:\n%s", log)
				}
				if name == "panic" && !strings.Contains(log.String(), "receive_test.go") {
					t.Errorf("log has no stack of the panic:\n%s", log)
				}
			})
		})
	}
}

func TestDaemon_releasesLongerEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		s.accept = func(context.Context, hikyaku.Message) error { return errors.New("no") }
		start(t, daemon.New(s, []hikyaku.Queue{q}, quiet()))
		for _, receives := range []int{1, 2, 3, 100} {
			q.in <- []hikyaku.Message{{ID: "x", Handle: "h", Receives: receives}}
			synctest.Wait()
		}
		want := []released{{"h", time.Second}, {"h", 2 * time.Second}, {"h", 4 * time.Second}, {"h", time.Minute}}
		if got := q.back(); !slices.Equal(got, want) {
			t.Errorf("released %v, want %v", got, want)
		}
	})
}

func TestDaemon_backsOffWhenReceivingFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		failures := 3
		q.fail = func() error {
			if failures--; failures >= 0 {
				return errors.New("connection refused")
			}
			return nil
		}
		o := quiet()
		o.Receivers = 1
		began := time.Now()
		start(t, daemon.New(s, []hikyaku.Queue{q}, o))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		var got []time.Duration
		for _, at := range q.received() {
			got = append(got, at.Sub(began))
		}
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}
		if !slices.Equal(got, want) {
			t.Errorf("received at %v, want %v", got, want)
		}
		q.put("late")
		synctest.Wait()
		if got := q.gone(); len(got) != 1 {
			t.Errorf("deleted %v after receiving works again, want the message", got)
		}
	})
}

func TestDaemon_boundsOneAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		s.accept = func(ctx context.Context, _ hikyaku.Message) error { <-ctx.Done(); return ctx.Err() }
		start(t, daemon.New(s, []hikyaku.Queue{q}, quiet()))
		q.put("slow")
		time.Sleep(19 * time.Second)
		synctest.Wait()
		if got := q.back(); len(got) != 0 {
			t.Fatalf("released %v before the time was up", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got, want := q.back(), []released{{"h-slow", time.Second}}; !slices.Equal(got, want) {
			t.Errorf("released %v, want %v", got, want)
		}
	})
}
