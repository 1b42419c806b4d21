package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/queue"
)

func TestService_Receive_Waits(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q", "ReceiveMessageWaitTimeSeconds", "20")
		start := time.Now()
		wantBodies(t, receive(t, s, "q", 30, 5), "")
		wantAfter(t, start, 5*time.Second)

		start = time.Now()
		got, err := s.Receive(t.Context(), "q", queue.ReceiveOptions{})
		if err != nil || len(got) != 0 {
			t.Fatalf("got %v, %v, want nothing", got, err)
		}
		wantAfter(t, start, 20*time.Second)

		start = time.Now()
		time.AfterFunc(3*time.Second, func() { send(t, s, "q", "a") })
		wantBodies(t, receive(t, s, "q", 30, 10), "a")
		wantAfter(t, start, 3*time.Second)
	})
}

func TestService_Receive_WakesForVisibility(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		start := time.Now()
		if _, err := s.Send(t.Context(), "q", queue.Draft{Body: "delayed", DelaySeconds: new(4)}); err != nil {
			t.Fatal(err)
		}
		got := receive(t, s, "q", 7, 20)
		wantBodies(t, got, "delayed")
		wantAfter(t, start, 4*time.Second)

		start = time.Now()
		again := receive(t, s, "q", 30, 20)
		wantBodies(t, again, "delayed")
		wantAfter(t, start, 7*time.Second)

		start = time.Now()
		time.AfterFunc(2*time.Second, func() {
			if err := s.ChangeVisibility(t.Context(), "q", queue.VisibilityChange{Handle: again[0].Handle, Seconds: new(3)}); err != nil {
				t.Error(err)
			}
		})
		wantBodies(t, receive(t, s, "q", 30, 20), "delayed")
		wantAfter(t, start, 5*time.Second)
	})
}

// A receiver that waits on an empty queue learns of a message that came, was
// taken by another and becomes visible again.
func TestService_Receive_WakesForOthersTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		got := make(chan []queue.Received, 2)
		for range 2 {
			go func() { got <- receive(t, s, "q", 3, 20) }()
		}
		synctest.Wait()
		start := time.Now()
		send(t, s, "q", "a")
		wantBodies(t, <-got, "a")
		wantAfter(t, start, 0)
		wantBodies(t, <-got, "a")
		wantAfter(t, start, 3*time.Second)
	})
}

func TestService_Receive_SharesOut(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		const receivers = 20
		create(t, s, "q")
		got := make(chan string, receivers)
		for range receivers {
			go func() {
				m, err := s.Receive(t.Context(), "q", queue.ReceiveOptions{WaitSeconds: new(20)})
				if err != nil {
					t.Error(err)
				}
				got <- bodies(m)
			}()
		}
		synctest.Wait()
		start := time.Now()
		for i := range receivers {
			send(t, s, "q", fmt.Sprint(i))
		}
		seen := map[string]bool{}
		for range receivers {
			seen[<-got] = true
		}
		wantAfter(t, start, 0)
		if len(seen) != receivers || seen[""] {
			t.Errorf("got %v, want each of %d messages once", seen, receivers)
		}
	})
}

// A receiver that goes away at the moment it is woken passes the word on.
func TestService_Receive_PassesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan string, 1), make(chan string, 1)
			wait := func(ctx context.Context, got chan<- string) {
				m, err := s.Receive(ctx, "q", queue.ReceiveOptions{WaitSeconds: new(20)})
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				got <- bodies(m)
			}
			go wait(ctx, first)
			synctest.Wait()
			go wait(t.Context(), second)
			synctest.Wait()
			start := time.Now()
			cancel()
			send(t, s, "q", "a") // wakes the first, who may not have left yet
			if <-first == "" && <-second != "a" {
				t.Error("the second receiver did not get what the first left")
			}
			wantAfter(t, start, 0)
			send(t, s, "q", "end")
			time.Sleep(21 * time.Second)
			if err := s.Delete(t.Context(), "q"); err != nil {
				t.Fatal(err)
			}
			create(t, s, "q")
		}
	})
}

func TestService_Receive_EndsWithQueueAndService(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		create(t, s, "gone")
		errs := make(chan error, 2)
		for _, name := range []string{"q", "gone"} {
			go func() {
				_, err := s.Receive(t.Context(), name, queue.ReceiveOptions{WaitSeconds: new(20)})
				errs <- err
			}()
		}
		synctest.Wait()
		start := time.Now()
		if err := s.Delete(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, <-errs, queue.CodeQueueDoesNotExist)
		s.Close()
		if err := <-errs; err != nil {
			t.Errorf("got %v after Close, want nothing", err)
		}
		wantAfter(t, start, 0)
	})
}
