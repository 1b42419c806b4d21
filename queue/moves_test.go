package queue_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
)

// deadLetters makes n dead letters of queue q in dlq.
func deadLetters(t *testing.T, s *queue.Service, n int) {
	t.Helper()
	create(t, s, "dlq")
	create(t, s, "q", "RedrivePolicy", `{"deadLetterTargetArn":"`+s.ARN("dlq")+`","maxReceiveCount":1}`)
	for i := range n {
		send(t, s, "q", fmt.Sprint(i))
	}
	for len(receive(t, s, "q", 0, 0)) > 0 {
	}
}

func start(t *testing.T, s *queue.Service, source, destination string, rate *int) queue.MoveTask {
	t.Helper()
	task, err := s.StartMove(t.Context(), source, destination, rate)
	if err != nil {
		t.Fatalf("start move: %v", err)
	}
	return task
}

// newest returns the newest move task of dlq.
func newest(t *testing.T, s *queue.Service) queue.MoveTask {
	t.Helper()
	tasks, err := s.ListMoves(s.ARN("dlq"), nil)
	if err != nil || len(tasks) != 1 {
		t.Fatalf("list moves: got %v, %v, want one", tasks, err)
	}
	return tasks[0]
}

func visible(t *testing.T, s *queue.Service, name string) string {
	t.Helper()
	got, err := s.Attributes(t.Context(), name, []string{"ApproximateNumberOfMessages"})
	if err != nil {
		t.Fatal(err)
	}
	return got["ApproximateNumberOfMessages"]
}

func TestService_StartMove(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		deadLetters(t, s, 250)
		task := start(t, s, s.ARN("dlq"), "", nil)
		if task.Status != queue.MoveRunning || task.ToMove != 250 {
			t.Errorf("got %+v, want a running task with 250 messages", task)
		}
		synctest.Wait()
		if got := newest(t, s); got.Status != queue.MoveCompleted || got.Moved != 250 {
			t.Errorf("got %+v, want it completed", got)
		}
		if visible(t, s, "q") != "250" || visible(t, s, "dlq") != "0" {
			t.Errorf("got %s in q, %s in dlq", visible(t, s, "q"), visible(t, s, "dlq"))
		}
	})
}

func TestService_StartMove_Refused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		deadLetters(t, s, 100)
		call := func(source, destination string, rate *int) error {
			_, err := s.StartMove(t.Context(), source, destination, rate)
			return err
		}
		wantCode(t, call("", "", nil), queue.CodeMissingParameter)
		wantCode(t, call(s.ARN("none"), "", nil), queue.CodeResourceNotFound)
		wantCode(t, call(s.ARN("q"), "", nil), queue.CodeInvalidParameterValue)
		wantCode(t, call(s.ARN("dlq"), s.ARN("none"), nil), queue.CodeResourceNotFound)
		wantCode(t, call(s.ARN("dlq"), s.ARN("dlq"), nil), queue.CodeInvalidParameterValue)
		wantCode(t, call(s.ARN("dlq"), "", new(501)), queue.CodeInvalidParameterValue)
		start(t, s, s.ARN("dlq"), "", new(1))
		wantCode(t, call(s.ARN("dlq"), "", nil), queue.CodeUnsupportedOperation)
		_, err := s.ListMoves(s.ARN("none"), nil)
		wantCode(t, err, queue.CodeResourceNotFound)
	})
}

func TestService_StartMove_Rate(t *testing.T) {
	for rate, after := range map[int]time.Duration{2: 10 * time.Second, 20: time.Second} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *queue.Service) {
				deadLetters(t, s, 20)
				create(t, s, "elsewhere")
				began := time.Now()
				start(t, s, s.ARN("dlq"), s.ARN("elsewhere"), &rate)
				for newest(t, s).Status == queue.MoveRunning {
					time.Sleep(10 * time.Millisecond)
					if got, most := newest(t, s).Moved, 1+rate/10+int(time.Since(began).Seconds()*float64(rate)); got > most {
						t.Fatalf("got %d moved after %v, want at most %d", got, time.Since(began), most)
					}
				}
				if took := time.Since(began); took < after-time.Second/2 || took > after+time.Second/2 {
					t.Errorf("took %v, want about %v", took, after)
				}
				if visible(t, s, "elsewhere") != "20" {
					t.Errorf("got %s moved, want 20", visible(t, s, "elsewhere"))
				}
			})
		})
	}
}

func TestService_CancelMove(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		deadLetters(t, s, 100)
		handle := s.MoveHandle(start(t, s, s.ARN("dlq"), "", new(1)))
		time.Sleep(5500 * time.Millisecond)
		task, err := s.CancelMove(t.Context(), handle)
		if err != nil || task.Status != queue.MoveCancelling || task.Moved != 6 {
			t.Errorf("got %+v, %v, want it cancelling with 6 moved", task, err)
		}
		synctest.Wait()
		if got := newest(t, s); got.Status != queue.MoveCancelled || got.Moved != 6 {
			t.Errorf("got %+v, want it cancelled", got)
		}
		_, err = s.CancelMove(t.Context(), handle)
		wantCode(t, err, queue.CodeUnsupportedOperation)
		_, err = s.CancelMove(t.Context(), "none")
		wantCode(t, err, queue.CodeResourceNotFound)
	})
}

func TestService_StartMove_Failures(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		deadLetters(t, s, 0)
		send(t, s, "dlq", "direct")
		start(t, s, s.ARN("dlq"), "", nil)
		synctest.Wait()
		if got := newest(t, s); got.Status != queue.MoveFailed || got.FailureReason != queue.FailureNoSource {
			t.Errorf("got %+v, want it failed for want of a source", got)
		}
		if visible(t, s, "dlq") != "1" {
			t.Error("the message is gone")
		}
	})
}

// TestService_Start_ResumesMoves closes a service in the middle of a task.
func TestService_Start_ResumesMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := queuetest.NewMemory()
		first := service(t, store)
		deadLetters(t, first, 20)
		start(t, first, first.ARN("dlq"), "", new(1))
		time.Sleep(3500 * time.Millisecond)
		first.Close()
		time.Sleep(time.Hour)
		second := service(t, store)
		if got := newest(t, second); got.Status != queue.MoveRunning || got.Moved != 4 {
			t.Errorf("got %+v, want it running with 4 moved", got)
		}
		time.Sleep(time.Minute)
		if got := newest(t, second); got.Status != queue.MoveCompleted || got.Moved != 20 {
			t.Errorf("got %+v, want it completed", got)
		}
	})
}

func TestService_Delete_EndsMoves(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		deadLetters(t, s, 20)
		start(t, s, s.ARN("dlq"), "", new(1))
		if err := s.Delete(t.Context(), "dlq"); err != nil {
			t.Fatal(err)
		}
		create(t, s, "dlq")
		tasks, err := s.ListMoves(s.ARN("dlq"), nil)
		if err != nil || len(tasks) != 0 {
			t.Errorf("got %v, %v, want no tasks of a queue created anew", tasks, err)
		}
	})
}
