// Package dispatch holds the use cases of the control plane, one file each:
// accept, look, assign, start, refresh, settle, reap, redrive, reconcile,
// watch, the outbox sweep and what operators do.
//
// Every decision is one conditional write to the Ledger; what two dispatchers
// (goroutines, processes, machines) decide at the same time is settled there,
// and the loser reads again. Between the write that leases a task and the
// one that records its execution a crash may happen at any point; nothing is
// started a second time before DataSync was asked what runs.
//
// Memory holds hints only (a view of the pool, candidates read ahead, claims
// of this process). Losing them costs reads, never a transfer. The package
// runs no goroutines of its own beyond a call, keeps no timers, and does not
// receive messages: see package daemon.
package dispatch
