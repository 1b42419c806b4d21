package hikyaku_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hikyaku/hikyaku"
)

// transitions is the whole machine: from, event, to, effects (l take lease,
// f free lease, d dead letter, c completion). What is not listed is refused.
const transitions = `
-         accepted         QUEUED
-         rejected         REJECTED   dc
REJECTED  rejected         REJECTED   dc
QUEUED    joined           QUEUED
QUEUED    looked           QUEUED
QUEUED    waiting          QUEUED
QUEUED    assigned         STARTING   l
QUEUED    cancel_requested QUEUED
QUEUED    succeeded        SUCCEEDED  c
QUEUED    failed           FAILED     dc
QUEUED    cancelled        CANCELLED  c
STARTING  started          RUNNING
STARTING  adopted          RUNNING
STARTING  attempt_ended    QUEUED     f
STARTING  cancel_requested STARTING
STARTING  failed           FAILED     fdc
STARTING  cancelled        CANCELLED  fc
RUNNING   phase            RUNNING
RUNNING   stalled          RUNNING
RUNNING   attempt_ended    QUEUED     f
RUNNING   cancel_requested RUNNING
RUNNING   succeeded        SUCCEEDED  fc
RUNNING   failed           FAILED     fdc
RUNNING   cancelled        CANCELLED  fc
SUCCEEDED rerun            QUEUED
FAILED    rerun            QUEUED
CANCELLED rerun            QUEUED
REJECTED  rerun            QUEUED
`

func TestStep(t *testing.T) {
	t.Parallel()
	type key struct {
		from  hikyaku.State
		event hikyaku.EventType
	}
	type result struct {
		to      hikyaku.State
		effects hikyaku.Effects
	}
	want := map[key]result{}
	for line := range strings.Lines(strings.TrimSpace(transitions)) {
		f := append(strings.Fields(line), "")
		has := func(c string) bool { return strings.Contains(f[3], c) }
		want[key{hikyaku.State(strings.TrimPrefix(f[0], "-")), hikyaku.EventType(f[1])}] = result{
			hikyaku.State(f[2]), hikyaku.Effects{TakeLease: has("l"), FreeLease: has("f"), DeadLetter: has("d"), Completion: has("c")},
		}
	}
	for _, s := range hikyaku.States() { // notes that any transfer takes
		for _, e := range []hikyaku.EventType{hikyaku.EventDuplicate, hikyaku.EventNotified, hikyaku.EventDiscarded, hikyaku.EventResent} {
			want[key{s, e}] = result{to: s}
		}
	}
	for _, from := range append(hikyaku.States(), "") {
		for _, event := range hikyaku.EventTypes() {
			to, effects, err := hikyaku.Step(from, event)
			w, ok := want[key{from, event}]
			if !ok {
				if hikyaku.KindOf(err) != hikyaku.KindConflict {
					t.Errorf("%q on %s: %v, want a refusal", from, event, err)
				}
				continue
			}
			if err != nil || to != w.to || effects != w.effects {
				t.Errorf("%q on %s: %s %+v %v, want %s %+v", from, event, to, effects, err, w.to, w.effects)
			}
		}
	}
}

// TestStateMachineDocument keeps the drawing in the docs to what Step allows.
func TestStateMachineDocument(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/state-machine.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.TrimSpace(transitions)) {
		f := strings.Fields(line)
		from := strings.Replace(f[0], "-", "[*]", 1)
		if f[0] == f[2] {
			continue // notes do not move it
		}
		found := false
		for drawn := range strings.Lines(string(doc)) {
			found = found || strings.HasPrefix(strings.TrimSpace(drawn), from+" --> "+f[2]+":") && strings.Contains(drawn, f[1])
		}
		if !found {
			t.Errorf("docs/state-machine.md does not draw %s --> %s: %s", from, f[2], f[1])
		}
	}
}

func details(rt *rapid.T, now time.Time) []hikyaku.Detail {
	text := rapid.SampledFrom([]string{"", "x", "日本"})
	f := hikyaku.NewFailure(hikyaku.CodeExecutionFailed, text.Draw(rt, "message"), "d")
	n := rapid.Int64Range(0, 5).Draw(rt, "n")
	p := hikyaku.Progress{Files: hikyaku.Files{Total: n}, Bytes: hikyaku.Bytes{Total: n}, Rate: n, ETA: n}
	accepted := &hikyaku.AcceptedDetail{ID: "A", Route: "r", MessageID: "m", MaxAttempts: 3, Reason: hikyaku.NoFreeTask, Paths: []string{"p"}, Metadata: map[string]string{"a": "b"}}
	wait := hikyaku.WaitingDetail{Reason: hikyaku.BackingOff, NotBefore: now.Add(time.Duration(n) * time.Second)}
	return []hikyaku.Detail{
		accepted, &hikyaku.RejectedDetail{MessageID: "m", Body: "b", Failure: f}, &hikyaku.JoinedDetail{MessageID: "n"},
		&hikyaku.DuplicateDetail{MessageID: "m"}, &hikyaku.LookedDetail{Found: hikyaku.Found{Listed: true, Objects: n, Newest: now}}, &wait,
		&hikyaku.AssignedDetail{TaskARN: "t", Token: n, LeaseExpires: now, AgentARNs: []string{"a"}, TransferMode: "ALL"},
		&hikyaku.StartedDetail{ExecutionARN: "e", Status: "LAUNCHING"}, &hikyaku.AdoptedDetail{ExecutionARN: "e", Status: "PREPARING"},
		&hikyaku.PhaseDetail{Status: "TRANSFERRING", Progress: p}, &hikyaku.StalledDetail{Failure: f},
		&hikyaku.AttemptEndedDetail{Status: "ERROR", Failure: f, Progress: p, Free: n > 2, CopyAll: n > 1, Waiting: wait},
		&hikyaku.CancelRequestedDetail{}, &hikyaku.SucceededDetail{Outcome: hikyaku.Delivered, Status: "SUCCESS", Progress: p},
		&hikyaku.SucceededDetail{Outcome: hikyaku.Empty}, &hikyaku.FailedDetail{Failure: f, Status: "ERROR", Progress: p, Free: n > 2},
		&hikyaku.CancelledDetail{Status: "ERROR", Progress: p}, &hikyaku.RerunDetail{MaxAttempts: 2, Forced: n > 2, Understood: accepted},
		&hikyaku.RerunDetail{MaxAttempts: 2}, &hikyaku.NotifiedDetail{Kind: hikyaku.OutboxDeadLetter}, &hikyaku.DiscardedDetail{},
		&hikyaku.NotifiedDetail{Kind: hikyaku.OutboxCompletion, Event: n, Target: "t", Tries: 1}, &hikyaku.ResentDetail{Event: n, Targets: []string{"t"}},
	}
}

// TestTransfer_Record: whatever happens, the events rebuild the record, and
// the record keeps what its state promises.
func TestTransfer_Record(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600))
		x := hikyaku.Transfer{TransferID: "T"}
		var events []hikyaku.Event
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, 1e10).Draw(rt, "pause")))
			d := rapid.SampledFrom(details(rt, now.UTC())).Draw(rt, "detail")
			before := fmt.Sprintf("%+v", x)
			e, effects, err := x.Record(now, "ana", d)
			if err != nil {
				if after := fmt.Sprintf("%+v", x); after != before {
					rt.Fatalf("a refused %s changed the record", d.EventType())
				}
				continue
			}
			if to, want, err := hikyaku.Step(x.State, e.Type); err == nil && to == x.State && effects.DeadLetter != want.DeadLetter {
				rt.Fatalf("effects %+v, want %+v", effects, want)
			}
			events = append(events, e)
			if (x.State == hikyaku.Queued) != (x.WaitingReason != "") || x.State.Ended() == x.EndedAt.IsZero() {
				rt.Fatalf("after %s: %s waits for %q, ended at %s", e.Type, x.State, x.WaitingReason, x.EndedAt)
			}
			if x.Free > x.Attempt-x.BudgetFrom || len(x.Attempts) != x.Attempt {
				rt.Fatalf("after %s: attempt %d of %d, budget from %d, %d free", e.Type, x.Attempt, len(x.Attempts), x.BudgetFrom, x.Free)
			}
		}
		got, err := hikyaku.Replay(events)
		if len(events) == 0 {
			return
		}
		if diff := cmp.Diff(x, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			rt.Fatalf("replay: %v\n-recorded +replayed:\n%s", err, diff)
		}
		if len(events) > 1 {
			if _, err := hikyaku.Replay(events[1:]); err == nil {
				rt.Fatal("a log that lacks its first event was replayed")
			}
		}
	})
}

// TestTransfer_Record_total: an attempt counts from when it was queued, the
// transfer from when it was created.
func TestTransfer_Record_total(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	x := hikyaku.Transfer{TransferID: "T"}
	failed := hikyaku.Failure{Code: hikyaku.CodeDestinationUnavailable}
	for _, step := range []struct {
		after  time.Duration
		detail func() hikyaku.Detail
	}{
		{0, func() hikyaku.Detail { return &hikyaku.AcceptedDetail{ID: "A", Reason: hikyaku.NoFreeTask} }},
		{2 * time.Second, func() hikyaku.Detail { return &hikyaku.AssignedDetail{TaskARN: "task"} }},
		{time.Second, func() hikyaku.Detail { return &hikyaku.StartedDetail{ExecutionARN: "e"} }},
		{4 * time.Second, func() hikyaku.Detail {
			return &hikyaku.AttemptEndedDetail{
				Status: "ERROR", Failure: failed, Progress: hikyaku.Progress{Durations: x.Durations},
				Waiting: hikyaku.WaitingDetail{Reason: hikyaku.BackingOff},
			}
		}},
		{10 * time.Second, func() hikyaku.Detail { return &hikyaku.AssignedDetail{TaskARN: "task"} }},
		{20 * time.Second, func() hikyaku.Detail {
			return &hikyaku.FailedDetail{Failure: failed, Status: "LOST", Progress: hikyaku.Progress{Durations: x.Durations}}
		}},
	} {
		now = now.Add(step.after)
		if _, _, err := x.Record(now, "", step.detail()); err != nil {
			t.Fatal(err)
		}
	}
	got := []int64{x.Attempts[0].Durations.Total, x.Attempts[1].Durations.Total, x.Durations.Total}
	if want := []int64{7000, 30000, 37000}; !slices.Equal(got, want) {
		t.Errorf("totals %v, want %v", got, want)
	}
}

func TestEvent_Decode(t *testing.T) {
	t.Parallel()
	for _, typ := range hikyaku.EventTypes() {
		d, err := hikyaku.Event{Type: typ, Detail: []byte(`{"from_a_newer_release":1}`)}.Decode()
		if err != nil || d.EventType() != typ {
			t.Errorf("%s: %v, %v", typ, d, err)
		}
	}
	if _, err := (hikyaku.Event{Type: "nonsense", Detail: []byte(`{}`)}).Decode(); err == nil {
		t.Error("an unknown type was decoded")
	}
}
