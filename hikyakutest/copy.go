package hikyakutest

import (
	"maps"
	"slices"

	"github.com/hikyaku/hikyaku"
)

func copyTransfer(t hikyaku.Transfer) hikyaku.Transfer {
	t.Paths = slices.Clone(t.Paths)
	t.Metadata = maps.Clone(t.Metadata)
	t.AgentARNs = slices.Clone(t.AgentARNs)
	t.Failure = copyFailure(t.Failure)
	t.Attempts = slices.Clone(t.Attempts)
	for i := range t.Attempts {
		t.Attempts[i].AgentARNs = slices.Clone(t.Attempts[i].AgentARNs)
		t.Attempts[i].Failure = copyFailure(t.Attempts[i].Failure)
	}
	return t
}

func copyFailure(f *hikyaku.Failure) *hikyaku.Failure {
	if f == nil {
		return nil
	}
	c := *f
	return &c
}

func copyTask(t hikyaku.Task) hikyaku.Task {
	t.AgentARNs = slices.Clone(t.AgentARNs)
	return t
}

func copyAgent(a hikyaku.Agent) hikyaku.Agent {
	a.Changes = slices.Clone(a.Changes)
	return a
}

func copySettings(s hikyaku.RouteSettings) hikyaku.RouteSettings {
	if s.BytesPerSecond != nil {
		n := *s.BytesPerSecond
		s.BytesPerSecond = &n
	}
	return s
}

func copyOutbox(o hikyaku.OutboxEntry) hikyaku.OutboxEntry {
	o.Attributes = maps.Clone(o.Attributes)
	return o
}
