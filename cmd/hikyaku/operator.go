package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/mover"
)

// operator hands people's commands to the dispatcher and wakes the loops, so
// that what became ready starts at once.
type operator struct {
	*dispatch.Dispatcher
	kick func()
}

// Send accepts an ID and wakes the loops.
func (o operator) Send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.Send(ctx, s, a)
}

// Rerun sends a transfer round again and wakes the loops.
func (o operator) Rerun(ctx context.Context, id string, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.Rerun(ctx, id, a)
}

// Cancel cancels a transfer and wakes the loops.
func (o operator) Cancel(ctx context.Context, id string, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.Cancel(ctx, id, a)
}

// ResumeRoute resumes a route and wakes the loops.
func (o operator) ResumeRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	defer o.kick()
	return o.Dispatcher.ResumeRoute(ctx, name, a)
}

// Unbench returns a task to its pool and wakes the loops.
func (o operator) Unbench(ctx context.Context, taskARN string, a hikyaku.Act) error {
	defer o.kick()
	return o.Dispatcher.Unbench(ctx, taskARN, a)
}

// RedriveDeadLetters sends dead letters round again and wakes the loops.
func (o operator) RedriveDeadLetters(ctx context.Context, ids []string, a hikyaku.Act) (int, error) {
	defer o.kick()
	return o.Dispatcher.RedriveDeadLetters(ctx, ids, a)
}

// ResendCompletion makes a completion event owed once more and wakes the loops.
func (o operator) ResendCompletion(ctx context.Context, id string, r hikyaku.Resend, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.ResendCompletion(ctx, id, r, a)
}

// pruneBatch bounds one removal of old transfers.
const pruneBatch = 1000

// prune removes ended transfers older than the retention.
func (s *server) prune(ctx context.Context) error {
	if s.cfg.Retention == 0 {
		return nil
	}
	before := time.Now().Add(-time.Duration(s.cfg.Retention))
	for {
		n, err := s.ledger.Prune(ctx, before, pruneBatch)
		if err != nil {
			return fmt.Errorf("remove old transfers: %w", err)
		}
		if n < pruneBatch {
			return nil
		}
	}
}

// fileLister shows the mover's results per file: the failed ones are kept.
type fileLister struct{ mover *mover.Service }

// Files lists the failed files of a transfer's last execution.
func (l fileLister) Files(ctx context.Context, t hikyaku.Transfer, q console.FileQuery) (console.FileList, error) {
	list := console.FileList{Files: []console.File{}, Available: true}
	if t.ExecutionARN == "" || (q.State != "" && q.State != "failed") {
		return list, nil
	}
	failed, _, err := l.mover.Files(ctx, t.ExecutionARN)
	if err != nil {
		return list, fmt.Errorf("files of %s: %w", t.ExecutionARN, err)
	}
	for i, f := range failed {
		if q.Limit > 0 && i == q.Limit {
			break
		}
		failure := hikyaku.NewFailure(hikyaku.Classify(string(f.Code), f.Detail).Code, f.Detail, string(f.Code))
		list.Files = append(list.Files, console.File{
			Path: f.Path, State: "failed", Bytes: f.Size,
			SourceChecksum: f.SourceSum, DestinationChecksum: f.DestinationSum,
			Failure: &failure,
		})
	}
	return list, nil
}
