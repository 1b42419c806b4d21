package hikyaku

import (
	"slices"
	"time"
)

// TaskState is the state of a task in its pool.
type TaskState string

// The task states.
const (
	// Idle: free to lease.
	Idle TaskState = "IDLE"
	// Leased: one transfer owns it.
	Leased TaskState = "LEASED"
	// Benched: gets no work until BenchedUntil, a person, or its agent frees it.
	Benched TaskState = "BENCHED"
	// Draining: no new lease; removed when its lease ends.
	Draining TaskState = "DRAINING"
)

// Task is one DataSync task of a route's pool, as the ledger keeps it.
type Task struct {
	ARN   string    `json:"task_arn"`
	Route string    `json:"route"`
	Index int       `json:"index"`
	State TaskState `json:"state"`
	// AgentARNs the task's locations use; empty: agentless.
	AgentARNs []string `json:"agent_arns"`

	// Token is the last lease's fencing token; it only grows.
	Token int64 `json:"token"`
	// TransferID and LeaseExpires are the lease's; empty when not leased.
	// A DRAINING task may still carry a lease. LeaseExpires is what the lease
	// began with; the transfer's own is renewed while its execution runs.
	TransferID   string    `json:"transfer_id,omitempty"`
	LeaseExpires time.Time `json:"lease_expires,omitzero"`
	LeasedAt     time.Time `json:"leased_at,omitzero"`
	LastUsed     time.Time `json:"last_used,omitzero"`

	BenchedUntil  time.Time `json:"benched_until,omitzero"` // zero while BENCHED: until a person or its agent
	BenchedReason string    `json:"benched_reason,omitempty"`
	// BenchedBy is the person who benched it; empty: hikyaku did.
	BenchedBy string `json:"benched_by,omitempty"`
	Version   int64  `json:"version"`
}

// Lease is one transfer's right to one task. Every write made under it is
// conditional on Token.
type Lease struct {
	TaskARN    string
	Token      int64
	TransferID string
	ExpiresAt  time.Time
}

// Agent is a DataSync agent as last seen.
type Agent struct {
	ARN    string `json:"agent_arn"`
	Name   string `json:"name"`
	Online bool   `json:"online"`
	// Slots is how many executions it may run at once (1 for a Basic agent;
	// 0 is unlimited), Busy how many leases hold one.
	Slots    int    `json:"slots"`
	Busy     int    `json:"busy"`
	Platform string `json:"platform,omitempty"`
	// LastContact is when the agent last talked to DataSync.
	LastContact time.Time `json:"last_contact,omitzero"`
	Since       time.Time `json:"since,omitzero"` // of the current Online value
	SeenAt      time.Time `json:"seen_at,omitzero"`
	Version     int64     `json:"version"`

	// Today is what it carried on the last day it carried anything; see TodayAt.
	Today Carried `json:"today,omitzero"`
	// Changes are the last times it was first seen, came online or went
	// offline, oldest first, MaxAgentChanges at most.
	Changes []AgentChange `json:"changes,omitempty"`
}

// Carried is what an agent did on one day.
type Carried struct {
	// Day is a date in UTC, 2006-01-02; empty: nothing.
	Day string `json:"day"`
	// Transfers counts those that succeeded, Bytes what all attempts that ended
	// sent over the network.
	Transfers int64 `json:"transfers"`
	Bytes     int64 `json:"bytes"`
}

// AgentChange is a change of an agent's Online.
type AgentChange struct {
	At     time.Time `json:"at"`
	Online bool      `json:"online"`
}

// MaxAgentChanges is how many changes an agent's record keeps.
const MaxAgentChanges = 20

// Day is the date of a time in UTC, as Carried has it.
func Day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// TodayAt is what the agent carried on the day of now so far.
func (a *Agent) TodayAt(now time.Time) Carried {
	if day := Day(now); a.Today.Day != day {
		return Carried{Day: day}
	}
	return a.Today
}

// Add adds c for n slots given back: a later day begins anew, an earlier one
// does not count any more.
func (a *Carried) Add(c Carried, n int64) {
	switch {
	case c.Day == "" || c.Day < a.Day:
		return
	case c.Day > a.Day:
		*a = Carried{Day: c.Day}
	}
	a.Transfers += n * c.Transfers
	a.Bytes += n * c.Bytes
}

// Changed is the agent's changes and one more, as far as they are kept.
func (a *Agent) Changed(c AgentChange) []AgentChange {
	all := append(slices.Clone(a.Changes), c)
	return all[max(0, len(all)-MaxAgentChanges):]
}

// Pool is what assigning needs to know, of one route or of all.
type Pool struct {
	Tasks    []Task
	Agents   []Agent
	Settings []RouteSettings
}
