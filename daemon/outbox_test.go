package daemon_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/daemon"
)

// laned is a dispatcher with two ways out of the outbox, of which one hangs.
type laned struct {
	script
	hang chan struct{}
}

func (*laned) OutboxLanes() []string { return []string{"hangs", "works"} }

func (l *laned) DrainLane(_ context.Context, name string) (int, error) {
	l.count(name)
	if name == "hangs" {
		<-l.hang
	}
	return 0, nil
}

// TestDaemon_Lanes: a lane that hangs holds up neither the other lane nor
// anything else.
func TestDaemon_Lanes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &laned{hang: make(chan struct{})}
		d := daemon.New(l, nil, quiet())
		start(t, d)
		for range 4 {
			synctest.Wait()
			time.Sleep(time.Second) // the bubble's: rounds have a gap
			d.Kick()
		}
		synctest.Wait()
		if hangs, works, whole := l.times("hangs"), l.times("works"), l.times("outbox"); hangs != 1 || works != 5 || whole != 0 {
			t.Errorf("the lane that hangs was drained %d times, the other %d times, both together %d times; want 1, 5 and 0", hangs, works, whole)
		}
		if n := l.times("assign"); n != 5 {
			t.Errorf("assigned %d times, want 5", n)
		}
		close(l.hang)
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := l.times("hangs"); n != 2 {
			t.Errorf("the lane that hung was drained %d times, want once more", n)
		}
	})
}
