package mover_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// stores opens one store in memory per bucket.
type stores map[string]*storagetest.Memory

func (s stores) open(_ context.Context, l mover.Location) (storage.Driver, error) {
	return s[l.Bucket], nil
}

func newStores(files int) stores {
	s := stores{"from": storagetest.NewMemory(storagetest.MemoryOptions{Objects: true}), "to": storagetest.NewMemory(storagetest.MemoryOptions{})}
	for n := range files {
		s["from"].Put(storage.Entry{Path: fmt.Sprintf("A-1/%d", n)}, "content")
		s["from"].Put(storage.Entry{Path: fmt.Sprintf("A-12/%d", n)}, "other")
	}
	return s
}

func TestService_RealEngine(t *testing.T) {
	t.Parallel()
	const files = 20
	both := newStores(files)
	s := movertest.Start(t, mover.Config{Open: both.open, Run: engine.Run})
	events, end := s.Subscribe(100)
	task := pair(t, s, mover.Options{TransferMode: "ALL"})
	e := ended(t, s, start(t, s, task, "/A-1/*"))
	c := e.Counters
	if e.Status != mover.StatusSuccess || c.BytesWritten != 7*files || c.FilesTransferred < files || c.FailedTransfer != 0 {
		t.Fatalf("execution = %+v", e)
	}
	if r := e.Result; r.PrepareStatus != "SUCCESS" || r.TransferStatus != "SUCCESS" || r.VerifyStatus != "SUCCESS" || r.Total <= 0 {
		t.Errorf("result = %+v", r)
	}
	if _, err := both["to"].Stat(t.Context(), "A-12/1"); err == nil {
		t.Error("A-12 was delivered with A-1")
	}
	if n := both["to"].Stages(); n != 0 {
		t.Errorf("%d work folders are left", n)
	}
	end()
	var states []string
	for event := range events {
		states = append(states, event.Detail.State)
	}
	if want := []string{"LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING", "SUCCESS"}; !slices.Equal(states, want) {
		t.Errorf("events = %v, want %v", states, want)
	}
}

func TestService_RealEngineFailures(t *testing.T) {
	t.Parallel()
	both := newStores(3)
	both["from"].SetFault(func(op storagetest.Op, path string) error {
		if op == storagetest.OpOpen && path == "A-1/1" {
			return storage.ErrDenied
		}
		return nil
	})
	s := movertest.Start(t, mover.Config{Open: both.open, Run: engine.Run})
	task := pair(t, s, mover.Options{VerifyMode: "ONLY_FILES_TRANSFERRED"})
	arn := start(t, s, task, "/A-1/*")
	e := ended(t, s, arn)
	if e.Status != mover.StatusError || e.Result.ErrorCode != "SourceDenied" || e.Counters.FailedTransfer != 1 || e.Counters.FilesTransferred < 2 {
		t.Errorf("execution = %+v", e)
	}
	files, total, err := s.Files(t.Context(), arn)
	if err != nil || total != 1 || len(files) != 1 || files[0].Path != "A-1/1" || files[0].Code == "" || !strings.Contains(files[0].Detail, "denied") {
		t.Errorf("files = %+v of %d, %v", files, total, err)
	}
	both["from"].SetFault(func(op storagetest.Op, _ string) error {
		if op == storagetest.OpList {
			return storage.ErrDenied
		}
		return nil
	})
	e = ended(t, s, start(t, s, task, "/A-1/*"))
	if e.Status != mover.StatusError || e.Result.ErrorCode == "" || e.Result.PrepareStatus != mover.PhaseError || e.Result.TransferStatus != mover.PhasePending {
		t.Errorf("execution of an unreadable source = %+v", e.Result)
	}
}

func TestService_RealEngineInterrupted(t *testing.T) {
	t.Parallel()
	both := newStores(3)
	reached, release := make(chan struct{}, 100), make(chan struct{})
	both["to"].SetFault(func(op storagetest.Op, _ string) error {
		if op == storagetest.OpWrite {
			reached <- struct{}{}
			<-release
		}
		return nil
	})
	store := &movertest.Memory{}
	s := movertest.Start(t, mover.Config{Store: store, Open: both.open, Run: engine.Run})
	arn := start(t, s, pair(t, s, mover.Options{}), "/A-1/*")
	<-reached
	if e := describe(t, s, arn); e.Status.Ended() {
		t.Errorf("execution = %+v", e)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(context.WithoutCancel(t.Context())) }()
	movertest.Until(t, "stopping", func() bool {
		_, err := s.DescribeTaskExecution(t.Context(), arn)
		return err != nil
	})
	close(release)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	s = movertest.Start(t, mover.Config{Store: store, Open: both.open, Run: engine.Run})
	e := ended(t, s, arn)
	if e.Status != mover.StatusSuccess || e.Restarts != 1 {
		t.Errorf("execution = %+v", e)
	}
	for n := range 3 {
		if _, err := both["to"].Stat(t.Context(), fmt.Sprintf("A-1/%d", n)); err != nil {
			t.Error(err)
		}
	}
}
