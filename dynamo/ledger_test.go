package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest/unitstest"
)

// transfer returns a new QUEUED transfer.
func transfer(n int) *hikyaku.Transfer {
	at := noon().Add(time.Duration(n) * time.Second)
	return &hikyaku.Transfer{
		SchemaVersion: 1, ID: fmt.Sprintf("A-%d", n), TransferID: fmt.Sprintf("01KDZ%021d", n), Route: "orders", MessageID: "m",
		State: hikyaku.Queued, WaitingReason: hikyaku.NoFreeTask, CreatedAt: at, QueuedAt: at, UpdatedAt: at,
	}
}

func eventOf(t *hikyaku.Transfer, seq int64, kind hikyaku.EventType) hikyaku.Event {
	return hikyaku.Event{SchemaVersion: 1, TransferID: t.TransferID, Seq: seq, At: noon(), Type: kind, Detail: json.RawMessage(`{}`)}
}

// commit commits and brings the transfer to the stored version.
func commit(t *testing.T, l *dynamo.Ledger, c hikyaku.Change) {
	t.Helper()
	must(t, l.Commit(t.Context(), c))
	if c.Transfer != nil {
		c.Transfer.Version++
	}
}

// expiry returns every item's expiry by its keys; 0: none.
func (m *moto) expiry(t *testing.T, table string) map[string]int64 {
	t.Helper()
	out, err := m.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(table)})
	must(t, err)
	found := map[string]int64{}
	for _, it := range out.Items {
		pk, sk := keyOf(it)
		name := pk + " " + sk
		found[name] = 0
		if n, ok := it[dynamo.TTLAttribute].(*types.AttributeValueMemberN); ok {
			found[name], err = json.Number(n.Value).Int64()
			must(t, err)
		}
	}
	return found
}

// A transfer that ended expires with all its events, those moved out of its
// item too; a rerun takes that back. Nothing expires without a retention.
func TestLedger_retention(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	day := 24 * time.Hour
	for _, retention := range []time.Duration{0, day, 30 * day} {
		var table string
		l := m.ledger(t, func(c *dynamo.Config) { c.Retention, table = retention, c.Table })
		x := transfer(1)
		commit(t, l, hikyaku.Change{Transfer: x, Unique: []string{"name"}, LockActive: true})
		for seq := range int64(2*dynamo.MaxBlocks + 2) {
			commit(t, l, hikyaku.Change{Transfer: x, Events: []hikyaku.Event{eventOf(x, seq+1, hikyaku.EventWaiting)}})
		}
		head, spilled := "T#"+x.TransferID+" #", ""
		for name, at := range m.expiry(t, table) {
			if at != 0 && (name == head || name[:2] == "T#") {
				t.Errorf("retention %s: %s of a QUEUED transfer expires", retention, name)
			}
			if name != head && name[:2] == "T#" {
				spilled = name
			}
		}
		if spilled == "" {
			t.Fatal("no events were moved out of the transfer's item")
		}
		x.State, x.EndedAt = hikyaku.Succeeded, noon().Add(day)
		commit(t, l, hikyaku.Change{Transfer: x, Events: []hikyaku.Event{eventOf(x, 99, hikyaku.EventSucceeded)}, Outbox: []hikyaku.OutboxEntry{{ID: "o", CreatedAt: noon()}}})
		want := map[string]int64{
			head: noon().Add(day + retention).Unix(), spilled: noon().Add(day + retention).Unix(),
			"U#name #": noon().Add(max(retention, 14*day)).Unix(), "O#": noon().Add(max(retention, 14*day)).Unix(),
			"L#orders\x00A-1 #": noon().Add(366 * day).Unix(),
		}
		got := m.expiry(t, table)
		for name, at := range want {
			if retention == 0 {
				at = 0
			}
			if name == "O#" {
				for other := range got {
					if other[:2] == "O#" {
						name = other
					}
				}
			}
			if got[name] != at {
				t.Errorf("retention %s: %q expires at %d, want %d", retention, name, got[name], at)
			}
		}
		x.State, x.EndedAt = hikyaku.Queued, time.Time{}
		commit(t, l, hikyaku.Change{Transfer: x, Events: []hikyaku.Event{eventOf(x, 100, hikyaku.EventRerun)}})
		if got := m.expiry(t, table); got[head] != 0 || got[spilled] != 0 {
			t.Errorf("retention %s: after a rerun the transfer expires at %d, its events at %d", retention, got[head], got[spilled])
		}
		events, err := l.Events(t.Context(), x.TransferID, 0)
		must(t, err)
		if len(events) != 2*dynamo.MaxBlocks+4 {
			t.Errorf("got %d events, want %d", len(events), 2*dynamo.MaxBlocks+4)
		}
	}
}

// flaky answers the first writes with an error, before or after carrying them out.
type flaky struct {
	dynamo.API

	errs  atomic.Int64 // how many more
	after bool
	err   error
}

func (f *flaky) fail(do func() error) error {
	if f.errs.Add(-1) < 0 {
		return do()
	}
	if f.after {
		if err := do(); err != nil {
			return err
		}
	}
	return f.err
}

func (f *flaky) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (out *dynamodb.UpdateItemOutput, err error) {
	err = f.fail(func() (err error) { out, err = f.API.UpdateItem(ctx, in, o...); return err })
	return out, err
}

func (f *flaky) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (out *dynamodb.TransactWriteItemsOutput, err error) {
	err = f.fail(func() (err error) { out, err = f.API.TransactWriteItems(ctx, in, o...); return err })
	return out, err
}

// Writes that meet another transaction or are throttled are sent again, and
// one whose answer was lost is known as done; other errors come out.
func TestLedger_Commit_sendsAgain(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	met := &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{
		{Code: aws.String("None")}, {Code: aws.String("TransactionConflict")},
	}}
	for name, c := range map[string]struct {
		err   error
		after bool
		want  bool // it is committed in the end
	}{
		"conflict":     {met, false, true},
		"in progress":  {&types.TransactionInProgressException{}, false, true},
		"throttled":    {&types.ProvisionedThroughputExceededException{}, false, true},
		"answer lost":  {&types.TransactionConflictException{}, true, true},
		"other answer": {&types.ResourceNotFoundException{}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &flaky{API: m.client, err: c.err, after: c.after}
			l := m.ledger(t, func(c *dynamo.Config) { c.Client = f })
			x := transfer(1)
			commit(t, l, hikyaku.Change{Transfer: x})
			for _, change := range []hikyaku.Change{{Transfer: x}, {Transfer: x, Unique: []string{"name"}}} {
				f.errs.Store(2)
				if c.after {
					f.errs.Store(1)
				}
				err := l.Commit(t.Context(), change)
				f.errs.Store(0)
				if (err == nil) != c.want {
					t.Fatalf("commit: got %v", err)
				}
				stored, _ := l.Transfer(t.Context(), x.TransferID)
				if got := stored.Version == x.Version+1; got != c.want {
					t.Errorf("stored version %d after %d", stored.Version, x.Version)
				}
				x.Version = stored.Version
			}
		})
	}
}

// Many changes are one call; those that conflict are told so, the others not.
func TestLedger_CommitAll(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	meter := unitstest.New(m.client, dynamo.TableInput("schema"))
	l := m.ledger(t, func(c *dynamo.Config) { c.Client = meter })
	var changes []hikyaku.Change
	for n := range 10 {
		x := transfer(n)
		changes = append(changes, hikyaku.Change{
			Transfer: x, Events: []hikyaku.Event{eventOf(x, 1, hikyaku.EventAccepted)}, Unique: []string{fmt.Sprintf("name-%d", n)},
		})
	}
	first := transfer(99)
	commit(t, l, hikyaku.Change{Transfer: first, Unique: []string{"taken"}})
	meter.Take()
	must(t, errors.Join(l.CommitAll(t.Context(), changes)...))
	if cost := meter.Take(); cost.Calls != 1 || cost.Writes() != 70 {
		t.Errorf("10 accepts took %d calls and %g write units, want 1 and 70", cost.Calls, cost.Writes())
	}
	changes = changes[:0]
	for n := range 60 {
		x := transfer(100 + n)
		changes = append(changes, hikyaku.Change{Transfer: x, Unique: []string{fmt.Sprintf("other-%d", n)}})
	}
	changes[7].Unique = []string{"taken"}
	changes[9].Unique = changes[8].Unique // of two that want the same, one gets it
	changes[10].Unique, changes[10].Transfer = []string{"nobody's"}, nil
	taken := 0
	for i, err := range l.CommitAll(t.Context(), changes) {
		c, conflict := errors.AsType[*hikyaku.ConflictError](err)
		switch {
		case i == 7 && (!conflict || c.Owner != first.TransferID):
			t.Errorf("change 7: got %v, want a conflict with the owner", err)
		case i == 10 && hikyaku.KindOf(err) != hikyaku.KindInvalid:
			t.Errorf("change 10: got %v, want it refused", err)
		case (i == 8 || i == 9) && conflict:
			taken++
		case err != nil && i != 7 && i != 10:
			t.Errorf("change %d: %v", i, err)
		}
	}
	if taken != 1 {
		t.Errorf("%d of two changes with one name were refused, want 1", taken)
	}
	for i := range changes {
		if i == 7 || i == 8 || i == 9 || i == 10 {
			continue
		}
		if _, err := l.Transfer(t.Context(), changes[i].Transfer.TransferID); err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
}

// A text is a prefix of the ID, a transfer_id, or an execution's ARN in full.
func TestLedger_Transfers_text(t *testing.T) {
	t.Parallel()
	l := startMoto(t).ledger(t)
	x, y := transfer(1), transfer(2)
	x.State, x.TaskARN = hikyaku.Running, "arn:aws:datasync:eu-central-1:111122223333:task/task-1"
	x.ExecutionARN = x.TaskARN + "/execution/exec-1"
	commit(t, l, hikyaku.Change{Transfer: x})
	commit(t, l, hikyaku.Change{Transfer: y})
	find := func(text string) string {
		t.Helper()
		page, err := l.Transfers(t.Context(), hikyaku.Query{Text: text})
		must(t, err)
		ids := ""
		for _, f := range page.Transfers {
			ids += f.ID + " "
		}
		return ids
	}
	for text, want := range map[string]string{
		"A-": "A-2 A-1 ", x.TransferID: "A-1 ", x.ExecutionARN: "A-1 ", x.TaskARN: "", "-1": "", "arn:": "",
	} {
		if got := find(text); got != want {
			t.Errorf("text %q finds %q, want %q", text, got, want)
		}
	}
	x.State, x.Failure = hikyaku.Failed, &hikyaku.Failure{Code: "HKY-1"}
	commit(t, l, hikyaku.Change{Transfer: x, Events: []hikyaku.Event{eventOf(x, 1, hikyaku.EventFailed)}})
	if got := find(x.ExecutionARN); got != "A-1 " {
		t.Errorf("the ARN of an ended execution finds %q", got)
	}
}

// What transfers in a task counted stays counted when the task is deleted.
func TestLedger_Stats_taskDeleted(t *testing.T) {
	t.Parallel()
	l := startMoto(t).ledger(t)
	task := hikyaku.Task{ARN: "task", Route: "orders", State: hikyaku.Idle}
	commit(t, l, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: task}}})
	task.Version++
	for n := range 3 {
		x := transfer(n)
		commit(t, l, hikyaku.Change{Transfer: x})
		x.State = hikyaku.Succeeded
		commit(t, l, hikyaku.Change{
			Transfer: x, Events: []hikyaku.Event{eventOf(x, 1, hikyaku.EventSucceeded)},
			Tasks: []hikyaku.TaskWrite{{Task: task, Delete: n == 2}},
		})
		task.Version++
		s, err := l.Stats(t.Context())
		must(t, err)
		if got := s.Counts["orders"][hikyaku.Succeeded]; got != int64(n+1) {
			t.Fatalf("%d succeeded, want %d", got, n+1)
		}
	}
	if p, err := l.Pool(t.Context(), ""); err != nil || len(p.Tasks) != 0 {
		t.Errorf("got %d tasks, %v; want none", len(p.Tasks), err)
	}
}
