package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Filled is a ledger's contents for measurements: N finished transfers on four
// routes, one in a hundred FAILED with one of ten codes, as a year of work
// leaves them. The n-th was created at At(n).
type Filled struct{ N int }

// At is when the n-th transfer was created: one a second up to a fixed day.
func (Filled) At(n int) time.Time {
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// Route and Code are the values that the n-th transfer has; Code is empty for
// those that succeeded.
func (Filled) Route(n int) string { return fmt.Sprintf("route-%d", n%4) }

// Code returns the n-th transfer's failure code.
func (Filled) Code(n int) string {
	if n%100 != 0 {
		return ""
	}
	return fmt.Sprintf("HKY-120%d", n/100%10)
}

// TransferID and ID name the n-th transfer.
func (Filled) TransferID(n int) string { return transferID(n) }

// ID returns the n-th transfer's ID.
func (Filled) ID(n int) string { return fmt.Sprintf("ORDER-%08d", n) }

// Fill commits all of them, several at once.
func (f Filled) Fill(ctx context.Context, l hikyaku.Ledger) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, 64)
	for range cap(errs) {
		all.Go(func() {
			for {
				n := int(next.Add(1) - 1)
				if n >= f.N {
					return
				}
				if err := l.Commit(ctx, f.change(n)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// change is the n-th transfer with the events of its life.
func (f Filled) change(n int) hikyaku.Change {
	at := f.At(n)
	execution := fmt.Sprintf("arn:aws:datasync:local:000000000000:task/task-%017d/execution/exec-%017d", n%8, n)
	files := hikyaku.Files{Total: 3, Transferred: 3, Verified: 3}
	volume := hikyaku.Bytes{Total: 3072, Transferred: 3072, Written: 3072}
	took := hikyaku.Durations{Queued: 3, Launching: 1, Preparing: 20, Transferring: 30, Verifying: 10, Total: 64}
	t := &hikyaku.Transfer{
		SchemaVersion: 1, ID: f.ID(n), TransferID: f.TransferID(n), Route: f.Route(n), MessageID: fmt.Sprintf("message-%d", n),
		State: hikyaku.Succeeded, Outcome: hikyaku.Delivered, Attempt: 1, MaxAttempts: 3, TaskARN: execution[:70], Token: int64(n),
		ExecutionARN: execution, ExecutionStatus: "SUCCESS", Files: files, Bytes: volume, Durations: took,
		CreatedAt: at, QueuedAt: at, StartedAt: at, EndedAt: at.Add(time.Second), UpdatedAt: at.Add(time.Second),
		Attempts: []hikyaku.Attempt{{
			Number: 1, TaskARN: execution[:70], Token: int64(n), ExecutionARN: execution, TransferMode: "ALL",
			StartedAt: at, EndedAt: at.Add(time.Second), Status: "SUCCESS", Files: files, Bytes: volume, Durations: took,
		}},
	}
	if code := f.Code(n); code != "" {
		t.State, t.Outcome = hikyaku.Failed, ""
		t.Failure = &hikyaku.Failure{Code: code, Kind: hikyaku.KindNotFound, Message: "there is nothing under " + t.ID}
		t.DeadLetter = hikyaku.DeadLetterSent
	}
	c := hikyaku.Change{Transfer: t, Unique: []string{hikyaku.MessageKey(t.MessageID, t.Route, t.ID)}}
	for seq, kind := range []hikyaku.EventType{
		hikyaku.EventAccepted, hikyaku.EventLooked, hikyaku.EventAssigned, hikyaku.EventStarted, hikyaku.EventSucceeded,
	} {
		c.Events = append(c.Events, hikyaku.Event{
			SchemaVersion: 1, TransferID: t.TransferID, Seq: int64(seq + 1), At: at, Type: kind,
			Detail: json.RawMessage(`{"task_arn":"` + t.TaskARN + `"}`),
		})
	}
	return c
}
