package console_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

var errEnough = errors.New("enough")

// onlyLedger hides that a ledger can tell of its commits.
type onlyLedger struct{ hikyaku.Ledger }

// realClock is for tests over connections, whose deadlines are real.
func realClock(o *console.Options) { o.Now = time.Now }

func TestStream_LiveAndPolled(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*console.Options){
		"subscribed": realClock,
		"polled": func(o *console.Options) {
			realClock(o)
			o.Ledger = onlyLedger{o.Ledger}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := consoletest.New(t, change)
			srv := httptest.NewServer(f.Console)
			defer srv.Close()
			defer f.Console.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			seen := map[string]hikyaku.State{}
			sent := false
			stats := 0
			err := console.NewClient(srv.URL, consoletest.ViewerToken, srv.Client()).Stream(ctx, console.Filter{Route: "orders"}, "", func(e console.StreamEvent) error {
				if e.Stats != nil {
					stats++
				}
				if e.Transfer != nil {
					if e.Transfer.Route != "orders" {
						t.Errorf("transfer of route %s", e.Transfer.Route)
					}
					seen[e.Transfer.ID] = e.Transfer.State
				}
				if !sent && seen["A-1001"] == hikyaku.Running && stats > 2 {
					sent = true
					tr, err := f.Ledger.Transfer(ctx, consoletest.ID(2))
					if err != nil {
						return err
					}
					tr.State, tr.EndedAt = hikyaku.Succeeded, f.Now
					f.Put(t, tr) //nolint:contextcheck // the test's own context
				}
				if seen["A-1001"] == hikyaku.Succeeded {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) {
				t.Errorf("got %v; seen %v, %d stats", err, seen, stats)
			}
		})
	}
}

func TestStream_EndsWhenTheConsoleCloses(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	err := f.Client(consoletest.ViewerToken).Stream(t.Context(), console.Filter{}, "", func(console.StreamEvent) error {
		f.Console.Close()
		return nil
	})
	if hikyaku.KindOf(err) != hikyaku.KindTransient {
		t.Errorf("got %v", err)
	}
}

// TestStream_SlowClientNeverBlocks commits far more changes than a client that
// reads nothing can take.
func TestStream_SlowClientNeverBlocks(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	release := make(chan struct{})
	done := make(chan error, 1)
	joined := make(chan struct{})
	go func() {
		first := true
		done <- f.Client(consoletest.ViewerToken).Stream(context.WithoutCancel(t.Context()), console.Filter{}, "", func(console.StreamEvent) error {
			if first {
				first = false
				close(joined)
				<-release
			}
			return nil
		})
	}()
	<-joined
	tr := hikyaku.Transfer{Route: "orders", State: hikyaku.Queued, CreatedAt: f.Now, QueuedAt: f.Now, UpdatedAt: f.Now}
	for i := range 9000 {
		tr.ID = "S"
		tr.TransferID = consoletest.ID(10000 + i)
		f.Put(t, tr)
	}
	deadline := time.NewTicker(5 * time.Millisecond)
	defer deadline.Stop()
	for n := 0; ; n++ { // the subscription's goroutine must get through all of it
		<-deadline.C
		s, err := f.Client(consoletest.ViewerToken).Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Totals[hikyaku.Queued] == 9003 || n > 2000 {
			break
		}
	}
	f.Console.Close()
	close(release)
	if err := <-done; hikyaku.KindOf(err) != hikyaku.KindTransient {
		t.Errorf("got %v", err)
	}
}

func TestLive_RowsAreRenderedByTheServer(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, realClock)
	srv := httptest.NewServer(f.Console)
	defer srv.Close()
	defer f.Console.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req := httptest.NewRequestWithContext(ctx, "GET", srv.URL+"/live?lang=ja&state=queued", nil)
	req.RequestURI = ""
	req.Header.Set("Authorization", "Bearer "+consoletest.ViewerToken)
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	var got strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(got.String(), consoletest.ID(13)) {
		n, err := res.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	if !strings.Contains(got.String(), "ルートが一時停止中") || !strings.Contains(got.String(), `"match":true`) || !strings.Contains(got.String(), `"match":false`) {
		t.Errorf("got %.2000s", got.String())
	}
	if strings.Contains(got.String(), "<img src=x") {
		t.Error("a hostile ID is not escaped")
	}
}

// TestStream_PauseChangesWhatWaits: no record is written by a pause, and yet
// who listens hears of it.
func TestStream_PauseChangesWhatWaits(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, realClock)
	srv := httptest.NewServer(f.Console)
	defer srv.Close()
	defer f.Console.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := console.NewClient(srv.URL, consoletest.AdminToken, srv.Client())
	paused, last := false, hikyaku.WaitingReason("")
	err := client.Stream(ctx, console.Filter{ID: "A-1004"}, "", func(e console.StreamEvent) error {
		if e.Transfer != nil {
			last = e.Transfer.WaitingReason
		}
		if last == hikyaku.RoutePaused {
			return errEnough
		}
		if last != "" && !paused {
			paused = true
			_, err := f.Operator.PauseRoute(ctx, "orders", hikyaku.Act{Reason: "maintenance"})
			return err
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("got %v; the transfer says %q", err, last)
	}
}
