package daemon_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/daemon"
)

func TestDaemon_Start_recoversFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fails := true
		s := &script{recover: func(context.Context) error {
			if fails {
				return errors.New("no mover")
			}
			return nil
		}}
		d := daemon.New(s, []hikyaku.Queue{q}, quiet())
		if err := d.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "no mover") {
			t.Fatalf("Start = %v, want the error of recovering", err)
		}
		synctest.Wait()
		if n := len(q.received()); n != 0 {
			t.Fatalf("received %d times although recovering failed", n)
		}
		fails = false
		start(t, d)
		synctest.Wait()
		if n := len(q.received()); n != 4 {
			t.Errorf("%d loops receive, want 4", n)
		}
		if err := d.Start(t.Context()); !errors.Is(err, daemon.ErrStarted) {
			t.Errorf("second Start = %v, want ErrStarted", err)
		}
	})
}

func TestDaemon_Start_outlivesItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		ctx, cancel := context.WithCancel(t.Context())
		d := daemon.New(s, []hikyaku.Queue{q}, quiet())
		if err := d.Start(ctx); err != nil {
			t.Fatal(err)
		}
		defer d.Stop()
		cancel()
		q.put("a")
		synctest.Wait()
		if got := q.gone(); len(got) != 1 {
			t.Errorf("deleted %v, want the message", got)
		}
	})
}

func TestDaemon_Stop_finishesWhatIsInProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		s.accept = func(ctx context.Context, _ hikyaku.Message) error {
			time.Sleep(3 * time.Second)
			return ctx.Err()
		}
		d := daemon.New(s, []hikyaku.Queue{q}, quiet())
		if err := d.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		q.put("a")
		synctest.Wait()
		began := time.Now()
		d.Stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("Stop took %v, want the 3s of the accept", took)
		}
		if got := q.gone(); !slices.Equal(got, []string{"h-a"}) {
			t.Errorf("deleted %v, want h-a", got)
		}
		n := len(q.received())
		q.put("b")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := len(q.received()); got != n {
			t.Error("received after Stop")
		}
	})
}

func TestDaemon_Stop_abortsAfterTheDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, s := newQueue(), &script{}
		s.accept = func(ctx context.Context, _ hikyaku.Message) error { <-ctx.Done(); return ctx.Err() }
		d := daemon.New(s, []hikyaku.Queue{q}, quiet())
		if err := d.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		q.put("a")
		synctest.Wait()
		began := time.Now()
		d.Stop()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("Stop took %v, want 10s", took)
		}
		if got, want := q.back(), []released{{"h-a", 0}}; !slices.Equal(got, want) {
			t.Errorf("released %v, want %v", got, want)
		}
		if q.ctxErr != nil {
			t.Errorf("released under an ended context: %v", q.ctxErr)
		}
	})
}

func TestDaemon_Stop_mayBeCalledByAnybody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := daemon.New(&script{}, []hikyaku.Queue{newQueue()}, quiet())
		if err := d.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{}, 3)
		for range 3 {
			go func() { d.Stop(); done <- struct{}{} }()
		}
		for range 3 {
			<-done
		}
		d.Stop()

		idle := daemon.New(&script{}, nil, quiet())
		idle.Stop()
		if err := idle.Start(t.Context()); !errors.Is(err, daemon.ErrStarted) {
			t.Errorf("Start after Stop = %v, want ErrStarted", err)
		}
	})
}

func TestDaemon_timers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		retained := 0
		s := &script{}
		start(t, daemon.New(s, nil, daemon.Options{
			Retain: func(context.Context) error { retained++; return nil },
		}))
		time.Sleep(time.Hour + time.Millisecond)
		synctest.Wait()
		for name, want := range map[string]int{"refresh_all": 3600, "reap": 240, "watch": 1 + 240, "recover": 1} {
			if got := s.times(name); got != want {
				t.Errorf("%s was called %d times in an hour, want %d", name, got, want)
			}
		}
		if retained != 1 {
			t.Errorf("retention ran %d times in an hour, want 1", retained)
		}
		for _, name := range []string{"assign", "outbox"} {
			if got := s.times(name); got < 720 {
				t.Errorf("%s was called %d times in an hour, want at least every 5s", name, got)
			}
		}
	})
}

func TestDaemon_timersSurviveErrorsAndPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := &script{reap: func(context.Context) error {
			if n++; n == 1 {
				panic("reap")
			}
			return errors.New("no ledger")
		}}
		o := quiet()
		o.ReapEvery = time.Second
		logger, log := logged()
		o.Logger = logger
		start(t, daemon.New(s, nil, o))
		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		if n != 5 {
			t.Errorf("reaped %d times in 5.5s, want 5", n)
		}
		if !strings.Contains(log.String(), "daemon_test.go") || !strings.Contains(log.String(), "no ledger") {
			t.Errorf("log lacks the panic's stack or the error:\n%s", log)
		}
	})
}

func TestDaemon_assignIsCoalescedAndNotSpun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inside, most := 0, 0
		fails := false
		s := &script{assignAll: func(context.Context) (int, error) {
			inside++
			most = max(most, inside)
			time.Sleep(100 * time.Millisecond)
			inside--
			if fails {
				return 0, errors.New("no ledger")
			}
			return 0, nil
		}}
		o := quiet()
		d := daemon.New(s, nil, o)
		start(t, d)
		synctest.Wait()
		for range 1000 {
			d.Kick()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.times("assign"); got != 2 || most != 1 {
			t.Errorf("assigned %d times, %d at once; want the running round and one more", got, most)
		}

		fails = true
		before := s.times("assign")
		until := time.Now().Add(time.Minute)
		for time.Now().Before(until) {
			d.Kick()
			time.Sleep(10 * time.Millisecond)
		}
		if got := s.times("assign") - before; got > 10 {
			t.Errorf("assigned %d times in a minute of failures, want a growing pause", got)
		}
	})
}

// scheduled is a script that knows when something comes due.
type scheduled struct {
	script
	next time.Time
}

func (s *scheduled) Next(context.Context) time.Time { return s.next }

func TestDaemon_assignsWhenAParkedTransferComesDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		due := time.Now().Add(42 * time.Second)
		var s scheduled
		s.next = due
		var at []time.Time
		s.assignAll = func(context.Context) (int, error) {
			at = append(at, time.Now())
			if !time.Now().Before(due) {
				s.next = time.Time{}
			}
			return 0, nil
		}
		o := quiet()
		o.Now = time.Now
		start(t, daemon.New(&s, nil, o))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(at) != 2 || !at[1].Equal(due) {
			t.Errorf("assigned at %v, want at the start and at %v", at, due)
		}
	})
}

// collecting is a script that can look into dead-letter queues.
type collecting struct {
	script
	collect func() (int, error)
}

func (c *collecting) CollectDeadLetters(context.Context) (int, error) {
	c.count("collect")
	return c.collect()
}

func TestDaemon_collectsDeadLettersAtTheStartAndThenEveryFewMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &collecting{}
		c.collect = func() (int, error) {
			switch c.times("collect") {
			case 1:
				time.Sleep(time.Millisecond) // the bubble's: the drain of the start comes first, and is not one with this one's
				return 1, nil
			case 2:
				return 0, errors.New("no queue")
			case 3:
				panic("collect")
			}
			return 0, nil
		}
		d := daemon.New(c, nil, quiet())
		start(t, d)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := c.times("collect"); n != 1 {
			t.Fatalf("looked %d times at the start, want once", n)
		}
		if n := c.times("outbox"); n != 2 {
			t.Errorf("the outbox was drained %d times; want at the start and for what was collected", n)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if n := c.times("collect"); n != 5 {
			t.Errorf("looked %d times in 21 minutes, want 5", n)
		}
	})
}
