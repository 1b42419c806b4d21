package consoletest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// The tokens of the fixture.
const (
	AdminToken    = "admin-token"
	OperatorToken = "operator-token"
	ViewerToken   = "viewer-token"
	ProducerToken = "producer-token"
)

// HostileID breaks whatever shows it as it is: HTML, ANSI, bidi override.
const HostileID = "<img src=x onerror=alert(1)>\x1b[31m\u202egpj.exe"

// Fixture is a console over an in-memory ledger.
type Fixture struct {
	Ledger   *hikyakutest.Ledger
	Operator *Operator
	Console  *console.Console
	Now      time.Time
}

// Clock is a fixed instant all samples are relative to.
func Clock() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC) }

// Authenticate knows the fixture's tokens.
func Authenticate(token string) (console.Identity, bool) {
	scope, ok := map[string]console.Scope{
		AdminToken: console.ScopeAdmin, OperatorToken: console.ScopeOperator,
		ViewerToken: console.ScopeViewer, ProducerToken: console.ScopeProducer,
	}[token]
	return console.Identity{Name: string(scope), Scopes: []console.Scope{scope}}, ok
}

// New returns a fixture with the sample transfers; change adjusts the options.
func New(tb testing.TB, change func(*console.Options)) *Fixture {
	tb.Helper()
	f := &Fixture{Now: Clock()}
	return f.start(tb, func() time.Time { return f.Now }, change)
}

// NewAt returns a fixture with a clock that runs, whose samples are of now, for
// clients that have a clock of their own.
func NewAt(tb testing.TB, now func() time.Time) *Fixture {
	tb.Helper()
	return NewWith(tb, now, nil)
}

// NewWith is NewAt with other options.
func NewWith(tb testing.TB, now func() time.Time, change func(*console.Options)) *Fixture {
	tb.Helper()
	f := &Fixture{Now: now()}
	return f.start(tb, now, change)
}

func (f *Fixture) start(tb testing.TB, now func() time.Time, change func(*console.Options)) *Fixture {
	tb.Helper()
	f.Ledger = hikyakutest.NewLedger()
	f.Operator = &Operator{Ledger: f.Ledger, Now: now}
	if err := Fill(tb.Context(), f.Ledger, f.Now); err != nil {
		tb.Fatal(err)
	}
	o := console.Options{
		Ledger: f.Ledger, Operator: f.Operator, Authenticate: Authenticate, Now: now, Version: "1.2.3",
		Heartbeat: 50 * time.Millisecond, PollInterval: 20 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	f.Console = console.New(o)
	tb.Cleanup(f.Console.Close)
	return f
}

// Client returns an in-process client of the fixture.
func (f *Fixture) Client(token string) *console.Client {
	return console.NewClient("http://localhost", token, console.InProcess(f.Console))
}

// Put writes a transfer, new or changed, with events.
func (f *Fixture) Put(tb testing.TB, t hikyaku.Transfer, events ...hikyaku.Event) {
	tb.Helper()
	if err := f.Ledger.Commit(tb.Context(), hikyaku.Change{Transfer: &t, Events: events}); err != nil {
		tb.Fatal(err)
	}
}

// ID returns the transfer_id of sample n.
func ID(n int) string { return fmt.Sprintf("01JD3V7Q8Z4M2K9X5T6W1R%04d", n) }

const account = "arn:aws:datasync:us-east-1:123456789012:"

// Fill writes one transfer of each kind, a pool and agents.
func Fill(ctx context.Context, l hikyaku.Ledger, now time.Time) error {
	agents := []hikyaku.Agent{
		{ARN: account + "agent/agent-0a1", Name: "nas-east", Online: true, Slots: 4, Platform: "linux/amd64", LastContact: now.Add(-3 * time.Second), Since: now.Add(-26 * time.Hour), SeenAt: now},
		{ARN: account + "agent/agent-0b2", Name: "nas-west", Slots: 4, Platform: "linux/arm64", LastContact: now.Add(-11 * time.Minute), Since: now.Add(-10 * time.Minute), SeenAt: now},
	}
	change := hikyaku.Change{Agents: agents, Settings: []hikyaku.RouteSettings{{Route: "images", Paused: true, PausedReason: "NAS maintenance until noon", By: "sato", UpdatedAt: now.Add(-20 * time.Minute)}}}
	for i, state := range []hikyaku.TaskState{hikyaku.Leased, hikyaku.Leased, hikyaku.Idle, hikyaku.Benched} {
		t := hikyaku.Task{ARN: fmt.Sprintf("%stask/task-%02d", account, i), Route: "orders", Index: i, State: state, AgentARNs: []string{agents[0].ARN}, LastUsed: now.Add(-time.Minute)}
		switch state {
		case hikyaku.Leased:
			t.TransferID, t.Token, t.LeasedAt = ID(2+i), 7, now.Add(-40*time.Second)
			t.LeaseExpires = now.Add(time.Minute)
		case hikyaku.Benched:
			t.BenchedReason, t.BenchedUntil = "stuck in LAUNCHING for 10 min", now.Add(8*time.Minute)
		case hikyaku.Idle, hikyaku.Draining:
		}
		change.Tasks = append(change.Tasks, hikyaku.TaskWrite{Task: t})
	}
	if err := l.Commit(ctx, change); err != nil {
		return fmt.Errorf("fill pool: %w", err)
	}
	for i, t := range samples(now) {
		t.TransferID = ID(i)
		t.SchemaVersion = 1
		if t.MaxAttempts == 0 {
			t.MaxAttempts = 3
		}
		if err := l.Commit(ctx, hikyaku.Change{Transfer: &t, Events: events(t)}); err != nil {
			return fmt.Errorf("fill transfer %s: %w", t.ID, err)
		}
	}
	return deeds(ctx, l, now)
}

// failure is one of the catalogue, as dispatchers record it.
func failure(code, detail string) *hikyaku.Failure {
	f := hikyaku.NewFailure(code, "", detail)
	return &f
}

func samples(now time.Time) []hikyaku.Transfer {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	exec := func(n int) string { return fmt.Sprintf("%stask/task-%02d/execution/exec-%04d", account, n%4, n) }
	done := func(id string, d time.Duration, files, size int64) hikyaku.Transfer {
		return hikyaku.Transfer{
			ID: id, Route: "orders", State: hikyaku.Succeeded, Outcome: hikyaku.Delivered, Attempt: 1,
			Files: hikyaku.Files{Total: files, Transferred: files, Verified: files}, Bytes: hikyaku.Bytes{Total: size, Transferred: size, Written: size},
			CreatedAt: ago(d), QueuedAt: ago(d), StartedAt: ago(d - time.Second), EndedAt: ago(d - 9*time.Second), UpdatedAt: ago(d - 9*time.Second),
			TaskARN: account + "task/task-02", ExecutionARN: exec(2), ExecutionStatus: "SUCCESS", MessageID: "5fea7756-0ea4-451a-a703-a558b933e274",
			Attempts: []hikyaku.Attempt{{Number: 1, TaskARN: account + "task/task-02", ExecutionARN: exec(2), Status: "SUCCESS", TransferMode: "ALL", StartedAt: ago(d - time.Second), EndedAt: ago(d - 9*time.Second), Files: hikyaku.Files{Transferred: files}, Bytes: hikyaku.Bytes{Transferred: size}}},
		}
	}
	corrupt, missing := failure(hikyaku.CodeCorrupt, "Verification failed: 1 of 18 files"), failure(hikyaku.CodeSourceMissing, "")
	poison, unavailable := failure(hikyaku.CodeNotUnderstood, ""), failure(hikyaku.CodeDestinationUnavailable, "the NAS does not answer")
	failed := func(id string, d time.Duration, f *hikyaku.Failure) hikyaku.Transfer {
		t := done(id, d, 18, 22<<20)
		t.State, t.Outcome, t.Failure, t.DeadLetter, t.ExecutionStatus = hikyaku.Failed, "", f, hikyaku.DeadLetterSent, "ERROR"
		t.Attempt, t.Files.Failed, t.Files.Verified = 2, 1, 17
		t.Attempts[0].Status, t.Attempts[0].Failure = "ERROR", f
		return t
	}
	return []hikyaku.Transfer{
		done("A-0991", 3*time.Hour, 214, 5<<30),
		done("A-0992", 2*time.Hour, 12, 3<<20),
		{
			ID: "A-1001", Route: "orders", State: hikyaku.Running, ExecutionStatus: "TRANSFERRING", Attempt: 1, TaskARN: account + "task/task-00", ExecutionARN: exec(0), AgentARNs: []string{account + "agent/agent-0a1"},
			Files: hikyaku.Files{Total: 480, Transferred: 301}, Bytes: hikyaku.Bytes{Total: 12 << 30, Transferred: 7<<30 + 600<<20, Written: 7 << 30}, Rate: 96 << 20, ETA: 47,
			CreatedAt: ago(95 * time.Second), QueuedAt: ago(95 * time.Second), StartedAt: ago(80 * time.Second), UpdatedAt: ago(time.Second), ProgressAt: ago(time.Second),
			Attempts: []hikyaku.Attempt{{Number: 1, TaskARN: account + "task/task-00", ExecutionARN: exec(0), StartedAt: ago(80 * time.Second), TransferMode: "ALL"}},
		},
		{
			ID: "A-1002", Route: "orders", State: hikyaku.Running, ExecutionStatus: "VERIFYING", Attempt: 2, TaskARN: account + "task/task-01", ExecutionARN: exec(1), Failure: unavailable,
			Files: hikyaku.Files{Total: 36, Transferred: 36, Verified: 20}, Bytes: hikyaku.Bytes{Total: 700 << 20, Transferred: 700 << 20, Written: 700 << 20},
			CreatedAt: ago(6 * time.Minute), QueuedAt: ago(2 * time.Minute), StartedAt: ago(110 * time.Second), UpdatedAt: ago(2 * time.Second),
		},
		{ID: "A-1003", Route: "orders", State: hikyaku.Starting, Attempt: 1, TaskARN: account + "task/task-02", CreatedAt: ago(4 * time.Second), QueuedAt: ago(4 * time.Second), UpdatedAt: ago(time.Second), Files: hikyaku.Files{Total: 9}, Bytes: hikyaku.Bytes{Total: 88 << 20}},
		{ID: "A-1004", Route: "orders", State: hikyaku.Queued, WaitingReason: hikyaku.NoFreeTask, CreatedAt: ago(140 * time.Second), QueuedAt: ago(140 * time.Second), UpdatedAt: ago(time.Second), Files: hikyaku.Files{Total: 3}, Bytes: hikyaku.Bytes{Total: 1 << 20}},
		{ID: "A-1005", Route: "orders", State: hikyaku.Queued, WaitingReason: hikyaku.BackingOff, WaitingDetail: "attempt 2 of 3", NotBefore: now.Add(25 * time.Second), Attempt: 1, Failure: unavailable, CreatedAt: ago(5 * time.Minute), QueuedAt: ago(time.Minute), UpdatedAt: ago(time.Second)},
		{ID: "IMG-2207", Route: "images", State: hikyaku.Queued, WaitingReason: hikyaku.RoutePaused, CreatedAt: ago(18 * time.Minute), QueuedAt: ago(18 * time.Minute), UpdatedAt: ago(time.Second), Files: hikyaku.Files{Total: 1200}, Bytes: hikyaku.Bytes{Total: 40 << 30}},
		failed("A-0997", 40*time.Minute, corrupt),
		failed("A-0998", 31*time.Minute, missing),
		{ID: HostileID, Route: "", State: hikyaku.Rejected, Failure: poison, Body: `{"iid": "` + HostileID + `"}`, DeadLetter: hikyaku.DeadLetterOwed, CreatedAt: ago(12 * time.Minute), QueuedAt: ago(12 * time.Minute), EndedAt: ago(12 * time.Minute), UpdatedAt: ago(12 * time.Minute), MessageID: "m-poison"},
		{ID: "A-0999", Route: "orders", State: hikyaku.Cancelled, Attempt: 1, CreatedAt: ago(70 * time.Minute), QueuedAt: ago(70 * time.Minute), EndedAt: ago(69 * time.Minute), UpdatedAt: ago(69 * time.Minute)},
		done("請求書-2026-11", 15*time.Minute, 61, 910<<20),
		{ID: "A-1000", Route: "orders", State: hikyaku.Succeeded, Outcome: hikyaku.AlreadyThere, Attempt: 1, Files: hikyaku.Files{Total: 12, Skipped: 12}, Bytes: hikyaku.Bytes{Total: 3 << 20}, CreatedAt: ago(8 * time.Minute), QueuedAt: ago(8 * time.Minute), StartedAt: ago(8 * time.Minute), EndedAt: ago(479 * time.Second), UpdatedAt: ago(479 * time.Second)},
	}
}

func events(t hikyaku.Transfer) []hikyaku.Event {
	var out []hikyaku.Event
	add := func(at time.Time, typ hikyaku.EventType, by, detail string) {
		out = append(out, hikyaku.Event{
			SchemaVersion: 1, TransferID: t.TransferID, Seq: int64(len(out) + 1), At: at, Type: typ, By: by, Detail: json.RawMessage(detail),
		})
	}
	if t.State == hikyaku.Rejected {
		add(t.CreatedAt, hikyaku.EventRejected, "", fmt.Sprintf(`{"error":{"code":%q}}`, t.Failure.Code))
		return out
	}
	add(t.CreatedAt, hikyaku.EventAccepted, "", fmt.Sprintf(`{"message_id":%q,"route":%q}`, t.MessageID, t.Route))
	add(t.CreatedAt.Add(200*time.Millisecond), hikyaku.EventLooked, "", fmt.Sprintf(`{"found":{"objects":%d,"bytes":%d}}`, t.Files.Total, t.Bytes.Total))
	if t.State == hikyaku.Queued {
		add(t.QueuedAt, hikyaku.EventWaiting, "", fmt.Sprintf(`{"reason":%q}`, t.WaitingReason))
		return out
	}
	add(t.CreatedAt.Add(time.Second), hikyaku.EventAssigned, "", fmt.Sprintf(`{"task_arn":%q,"token":7}`, t.TaskARN))
	if t.ExecutionARN != "" {
		add(t.StartedAt, hikyaku.EventStarted, "", fmt.Sprintf(`{"execution_arn":%q}`, t.ExecutionARN))
		add(t.StartedAt.Add(time.Second), hikyaku.EventPhase, "", `{"status":"TRANSFERRING"}`)
	}
	switch t.State {
	case hikyaku.Succeeded:
		add(t.EndedAt, hikyaku.EventSucceeded, "", fmt.Sprintf(`{"outcome":%q}`, t.Outcome))
	case hikyaku.Failed:
		add(t.EndedAt, hikyaku.EventFailed, "", fmt.Sprintf(`{"error":{"code":%q}}`, t.Failure.Code))
	case hikyaku.Cancelled:
		add(t.EndedAt, hikyaku.EventCancelRequested, "sato", `{"reason":"sent twice"}`)
		add(t.EndedAt, hikyaku.EventCancelled, "", `{}`)
	case hikyaku.Queued, hikyaku.Starting, hikyaku.Running, hikyaku.Rejected:
	}
	return out
}
