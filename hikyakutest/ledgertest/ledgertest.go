// Package ledgertest is the conformance suite of hikyaku.Ledger: every
// sentence of the contract as a test. Every implementation passes it.
//
// It asks nothing that DynamoDB cannot do: no two writes of one item in a
// change, at most 100 items per change, lists that may lag behind commits, and
// pages that may be short and still have a next token.
package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku"
)

// patience is how long a list may lag behind a commit.
const patience = 10 * time.Second

// Run runs the suite. open returns a new, empty ledger that lives as long as
// the test it is given.
func Run(t *testing.T, open func(t *testing.T) hikyaku.Ledger) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(suite)
	}{
		{"Transfer", testTransfer},
		{"Version", testVersion},
		{"SchemaVersion", testSchemaVersion},
		{"Events", testEvents},
		{"Unique", testUnique},
		{"Active", testActive},
		{"ActivePaths", testActivePaths},
		{"Tasks", testTasks},
		{"Slots", testSlots},
		{"Agents", testAgents},
		{"Carried", testCarried},
		{"Settings", testSettings},
		{"Pool", testPool},
		{"Atomicity", testAtomicity},
		{"NothingKept", testNothingKept},
		{"ListFilters", testListFilters},
		{"ListText", testListText},
		{"ListPages", testListPages},
		{"ListPagesWhileInserting", testListPagesWhileInserting},
		{"ListLimits", testListLimits},
		{"ListFollowsChanges", testListFollowsChanges},
		{"Failures", testFailures},
		{"Ready", testReady},
		{"ReadyParked", testReadyParked},
		{"ReadyManyParked", testReadyManyParked},
		{"Outbox", testOutbox},
		{"OutboxLater", testOutboxLater},
		{"OutboxQuery", testOutboxQuery},
		{"OutboxOwed", testOutboxOwed},
		{"Stats", testStats},
		{"Subscribe", testSubscribe},
		{"RaceForTask", testRaceForTask},
		{"RaceForUnique", testRaceForUnique},
		{"RaceForSlots", testRaceForSlots},
		{"RaceForPaths", testRaceForPaths},
		{"LostLease", testLostLease},
		{"CancelledContext", testCancelledContext},
		{"Model", testModel},
		{"Audit", testAudit},
		{"AuditTexts", testAuditTexts},
		{"AuditAtomicity", testAuditAtomicity},
		{"AuditRace", testAuditRace},
		{"AuditRaceForOne", testAuditRaceForOne},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(suite{Ledger: open(t), t: t, open: open})
		})
	}
}

// suite is a ledger under test with the words the tests are written in.
type suite struct {
	hikyaku.Ledger
	t    *testing.T
	open func(*testing.T) hikyaku.Ledger
}

// at is a fixed moment plus n seconds.
func at(n int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// transferID is the n-th transfer's ID: like a ULID it sorts by creation.
func transferID(n int) string { return fmt.Sprintf("01KDZ%021d", n) }

// queued returns a new transfer, the n-th, as accept would make it.
func queued(n int, change ...func(*hikyaku.Transfer)) *hikyaku.Transfer {
	t := &hikyaku.Transfer{
		SchemaVersion: hikyaku.CurrentSchema,
		ID:            fmt.Sprintf("A-%d", n), TransferID: transferID(n), Route: "orders",
		MessageID: fmt.Sprintf("message-%d", n),
		State:     hikyaku.Queued, WaitingReason: hikyaku.NoFreeTask, MaxAttempts: 3,
		CreatedAt: at(n), QueuedAt: at(n), UpdatedAt: at(n),
	}
	for _, c := range change {
		c(t)
	}
	return t
}

func withID(id string) func(*hikyaku.Transfer) {
	return func(t *hikyaku.Transfer) { t.ID = id }
}

func onRoute(route string) func(*hikyaku.Transfer) {
	return func(t *hikyaku.Transfer) { t.Route = route }
}

// in sets a state and what belongs to it.
func in(state hikyaku.State) func(*hikyaku.Transfer) {
	return func(t *hikyaku.Transfer) {
		t.State = state
		if state != hikyaku.Queued {
			t.WaitingReason = ""
		}
		if state.Ended() {
			t.EndedAt = t.UpdatedAt
		}
	}
}

func failing(code, message string) func(*hikyaku.Transfer) {
	return func(t *hikyaku.Transfer) {
		t.Failure = &hikyaku.Failure{Code: code, Kind: hikyaku.KindNotFound, Message: message}
	}
}

// event returns an event of a transfer.
func event(transferID string, seq int64) hikyaku.Event {
	return hikyaku.Event{
		SchemaVersion: hikyaku.CurrentSchema, TransferID: transferID, Seq: seq, At: at(int(seq)),
		Type: hikyaku.EventWaiting, By: "somebody", Detail: json.RawMessage(fmt.Sprintf(`{"n":%d}`, seq)),
	}
}

// must commits a change whose conditions hold. The transfer of the change is
// brought to the stored version.
func (s suite) must(t *testing.T, c hikyaku.Change) {
	t.Helper()
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatalf("commit: %v", err)
	}
	if c.Transfer != nil {
		c.Transfer.Version++
	}
}

// add commits new transfers, each on its own.
func (s suite) add(t *testing.T, transfers ...*hikyaku.Transfer) {
	t.Helper()
	for _, tr := range transfers {
		s.must(t, hikyaku.Change{Transfer: tr})
	}
}

// conflict commits a change that must be refused for the given condition.
func (s suite) conflict(t *testing.T, c hikyaku.Change, what, key, owner string) {
	t.Helper()
	err := s.Commit(t.Context(), c)
	var got *hikyaku.ConflictError
	if !errors.As(err, &got) {
		t.Fatalf("commit: got %v, want a conflict on %s %s", err, what, key)
	}
	if got.What != what || got.Key != key && what != "event" || got.Owner != owner && owner != "" {
		t.Errorf("conflict: got %+v, want %s %q held by %q", *got, what, key, owner)
	}
}

// stored reads a transfer that must exist.
func (s suite) stored(t *testing.T, transferID string) hikyaku.Transfer {
	t.Helper()
	got, err := s.Transfer(t.Context(), transferID)
	if err != nil {
		t.Fatalf("transfer %s: %v", transferID, err)
	}
	return got
}

// pool reads all of the pool.
func (s suite) pool(t *testing.T) hikyaku.Pool {
	t.Helper()
	p, err := s.Pool(t.Context(), "")
	if err != nil {
		t.Fatalf("pool: %v", err)
	}
	return p
}

// all lists every transfer of a query, page by page.
func (s suite) all(ctx context.Context, q hikyaku.Query) ([]hikyaku.Transfer, error) {
	var list []hikyaku.Transfer
	for {
		page, err := s.Transfers(ctx, q)
		if err != nil {
			return nil, err
		}
		list = append(list, page.Transfers...)
		if page.NextToken == "" {
			return list, nil
		}
		q.Token = page.NextToken
	}
}

// lists waits until a query lists exactly these transfers in this order.
func (s suite) lists(t *testing.T, q hikyaku.Query, want ...string) {
	t.Helper()
	eventually(t, func() error {
		list, err := s.all(t.Context(), q)
		if err != nil {
			return err
		}
		if got := ids(list); !cmp.Equal(got, want, cmpopts.EquateEmpty()) {
			return fmt.Errorf("query %+v lists %q, want %q", q, got, want)
		}
		return nil
	})
}

// ids are the transfer IDs of a list.
func ids(list []hikyaku.Transfer) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.TransferID
	}
	return out
}

// eventually asks until the answer is nil or patience ends.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	err := ask()
	if err == nil {
		return
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err = ask(); err == nil {
				return
			}
		case <-deadline.C:
			t.Fatal(err)
		}
	}
}

// same fails unless two values are equal but for nil and empty lists.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
