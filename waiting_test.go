package hikyaku_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
)

func TestPool_Waits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	on := hikyaku.Agent{ARN: "on", Online: true, Slots: 1}
	off := hikyaku.Agent{ARN: "off"}
	task := func(change func(*hikyaku.Task), agents ...string) hikyaku.Task {
		x := hikyaku.Task{ARN: "t", Route: "r", State: hikyaku.Idle, AgentARNs: agents}
		if change != nil {
			change(&x)
		}
		return x
	}
	leased := func(x *hikyaku.Task) { x.State, x.TransferID = hikyaku.Leased, "T" }
	offline := map[string]hikyaku.RouteWait{"r": {Reason: hikyaku.AgentOffline, Detail: "off"}}
	tests := map[string]struct {
		tasks  []hikyaku.Task
		paused bool
		want   map[string]hikyaku.RouteWait
	}{
		"no task":                         {nil, false, nil},
		"free":                            {[]hikyaku.Task{task(nil, "on")}, false, nil},
		"agentless":                       {[]hikyaku.Task{task(nil)}, false, nil},
		"leased":                          {[]hikyaku.Task{task(leased, "off")}, false, nil},
		"offline":                         {[]hikyaku.Task{task(nil, "off")}, false, offline},
		"unknown agent":                   {[]hikyaku.Task{task(nil, "who")}, false, map[string]hikyaku.RouteWait{"r": {Reason: hikyaku.AgentOffline, Detail: "who"}}},
		"one of two agents off":           {[]hikyaku.Task{task(nil, "on", "off")}, false, offline},
		"one task of two, free one first": {[]hikyaku.Task{task(nil, "on"), task(nil, "off")}, false, nil},
		"one task of two, free one last":  {[]hikyaku.Task{task(nil, "off"), task(nil, "on")}, false, nil},
		"the other task is busy":          {[]hikyaku.Task{task(leased, "on"), task(nil, "off")}, false, offline},
		"the other's agent is full":       {[]hikyaku.Task{task(leased, "on"), task(nil, "on"), task(nil, "off")}, false, offline},
		"benched":                         {[]hikyaku.Task{task(func(x *hikyaku.Task) { x.State = hikyaku.Benched }, "off")}, false, nil},
		"no longer benched": {
			[]hikyaku.Task{task(func(x *hikyaku.Task) { x.State, x.BenchedUntil = hikyaku.Benched, now }, "off")}, false, offline,
		},
		"paused":             {[]hikyaku.Task{task(nil, "on")}, true, map[string]hikyaku.RouteWait{"r": {Reason: hikyaku.RoutePaused, Detail: "why"}}},
		"paused and offline": {[]hikyaku.Task{task(nil, "off")}, true, map[string]hikyaku.RouteWait{"r": {Reason: hikyaku.RoutePaused, Detail: "why"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := hikyaku.Pool{Tasks: tt.tasks, Agents: []hikyaku.Agent{on, off}, Settings: []hikyaku.RouteSettings{{Route: "r", Paused: tt.paused, PausedReason: "why"}, {Route: "other"}}}
			if tt.want == nil {
				tt.want = map[string]hikyaku.RouteWait{}
			}
			if diff := cmp.Diff(tt.want, p.Waits(now)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTransfer_Told(t *testing.T) {
	t.Parallel()
	waits := map[string]hikyaku.RouteWait{"r": {Reason: hikyaku.RoutePaused, Detail: "why"}}
	for _, reason := range hikyaku.WaitingReasons() {
		x := hikyaku.Transfer{Route: "r", State: hikyaku.Queued, WaitingReason: reason, WaitingDetail: "its own"}
		want, free := x, x
		if reason.OfRoute() {
			want.WaitingReason, want.WaitingDetail = hikyaku.RoutePaused, "why"
			free.WaitingReason, free.WaitingDetail = hikyaku.NoFreeTask, ""
		}
		if diff := cmp.Diff(want, x.Told(waits)); diff != "" {
			t.Errorf("%s on a paused route (-want +got):\n%s", reason, diff)
		}
		if diff := cmp.Diff(free, x.Told(nil)); diff != "" {
			t.Errorf("%s on a free route (-want +got):\n%s", reason, diff)
		}
	}
	running := hikyaku.Transfer{Route: "r", State: hikyaku.Running}
	if diff := cmp.Diff(running, running.Told(waits)); diff != "" {
		t.Errorf("a running transfer (-want +got):\n%s", diff)
	}
}
