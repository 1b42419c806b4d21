package daemon_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/daemon"
)

const execution = "arn:aws:datasync:eu-central-1:111122223333:task/task-0/execution/exec-0"

func TestDaemon_Notify_refreshesAnEndedExecutionAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refreshed := make(chan time.Time, 1)
		s := &script{refresh: func(_ context.Context, arn string) error {
			if arn != execution {
				t.Errorf("refreshed %s", arn)
			}
			refreshed <- time.Now()
			return nil
		}}
		d := daemon.New(s, nil, quiet())
		start(t, d)
		synctest.Wait()
		before := s.times("assign")
		began := time.Now()
		for _, status := range []string{"LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING", "SUCCESS"} {
			d.Notify(execution, status)
		}
		if waited := (<-refreshed).Sub(began); waited != 0 {
			t.Errorf("refreshed after %v, want at once", waited)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.times("refresh"); got != 1 {
			t.Errorf("refreshed %d times, want once for five events", got)
		}
		if s.times("assign") == before {
			t.Error("the freed task was not assigned")
		}
	})
}

func TestDaemon_Notify_coalescesProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		d := daemon.New(s, nil, quiet())
		start(t, d)
		for range 1000 {
			d.Notify(execution, "TRANSFERRING")
		}
		time.Sleep(199 * time.Millisecond)
		synctest.Wait()
		if got := s.times("refresh"); got != 0 {
			t.Errorf("refreshed %d times within the delay, want none yet", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.times("refresh"); got != 1 {
			t.Errorf("refreshed %d times, want 1", got)
		}
	})
}

func TestDaemon_Notify_repeatsForAnExecutionNotKnownYet(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]error{
		"not found": hikyaku.ErrNotFound,
		"conflict":  &hikyaku.ConflictError{What: "transfer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				known := began.Add(30 * time.Millisecond)
				var settled time.Time
				s := &script{refresh: func(context.Context, string) error {
					if time.Now().Before(known) {
						return early
					}
					settled = time.Now()
					return nil
				}}
				d := daemon.New(s, nil, quiet())
				start(t, d)
				d.Notify(execution, "SUCCESS")
				time.Sleep(time.Minute)
				synctest.Wait()
				if waited := settled.Sub(began); waited > 50*time.Millisecond || settled.IsZero() {
					t.Errorf("refreshed with success after %v, want soon after 30ms", waited)
				}
			})
		})
	}
}

func TestDaemon_Notify_givesUpOnWhatIsNeverKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{refresh: func(context.Context, string) error { return hikyaku.ErrNotFound }}
		d := daemon.New(s, nil, quiet())
		start(t, d)
		d.Notify(execution, "ERROR")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := s.times("refresh"); got < 2 || got > 10 {
			t.Errorf("refreshed %d times, want a few", got)
		}
	})
}

func TestDaemon_Notify_neverRefreshesOneExecutionTwiceAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log []string
		note := func(what string) { mu.Lock(); defer mu.Unlock(); log = append(log, what) }
		s := &script{refresh: func(context.Context, string) error {
			note("begin")
			time.Sleep(time.Second)
			note("end")
			return nil
		}}
		d := daemon.New(s, nil, quiet())
		start(t, d)
		d.Notify(execution, "SUCCESS")
		synctest.Wait()
		d.Notify(execution, "SUCCESS") // while the first is being refreshed
		d.Notify(execution, "SUCCESS")
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"begin", "end", "begin", "end"}; !slices.Equal(log, want) {
			t.Errorf("refreshes %v, want %v", log, want)
		}
	})
}

func TestDaemon_Notify_worksOnSeveralExecutions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[string]int{}
		s := &script{refresh: func(_ context.Context, arn string) error {
			mu.Lock()
			seen[arn]++
			mu.Unlock()
			time.Sleep(time.Second)
			return nil
		}}
		d := daemon.New(s, nil, quiet())
		start(t, d)
		began := time.Now()
		for _, id := range ids(80) {
			d.Notify(execution+id, "SUCCESS")
		}
		time.Sleep(10 * time.Second) // eight at a time
		synctest.Wait()
		if len(seen) != 80 {
			t.Errorf("refreshed %d executions in %v, want 80", len(seen), time.Since(began))
		}
	})
}

func TestDaemon_Notify_survivesErrorsAndPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		o := quiet()
		o.Refreshers = 1
		logger, log := logged()
		o.Logger = logger
		s := &script{refresh: func(context.Context, string) error {
			switch n++; n {
			case 1:
				panic("refresh")
			case 2:
				return errors.New("throttled")
			}
			return nil
		}}
		d := daemon.New(s, nil, o)
		start(t, d)
		for want := 1; want <= 3; want++ {
			d.Notify(execution, "SUCCESS")
			synctest.Wait()
			if got := s.times("refresh"); got != want {
				t.Fatalf("refreshed %d times after %d events:\n%s", got, want, log)
			}
		}
	})
}

func TestDaemon_Notify_isHarmlessBeforeStartAndAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		d := daemon.New(s, nil, quiet())
		d.Notify(execution, "SUCCESS")
		if err := d.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := s.times("refresh"); got != 1 {
			t.Errorf("refreshed %d times for an event before the start, want 1", got)
		}
		d.Notify(execution, "TRANSFERRING") // its timer is pending when stopping
		d.Stop()
		d.Notify(execution, "SUCCESS")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := s.times("refresh"); got != 1 {
			t.Errorf("refreshed %d times, want no more after the stop", got)
		}
	})
}
