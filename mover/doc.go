// Package mover is a DataSync of our own: locations, tasks, task executions,
// queueing and the embedded agent, in DataSync's words and with DataSync's
// rules. It carries out executions with package engine and keeps its records
// in a [Store].
//
// Executions are durable: one that has not ended when the process dies runs
// again under the same ARN after the next start, from PREPARING, at most
// [MaxRestarts] times. Nothing is resumed in the middle of a file; the engine
// compares both sides again.
//
// Deliberate differences from Amazon's service: both sides of a task may be
// self-managed; the embedded agent serves any number of tasks at once, so an
// execution only ever waits for another one of its own task; folders (type
// FILE) are locations too, made by [Service.EnsureFileLocation] alone and never
// through the API.
//
// Not guaranteed: delivery of events (see [Service.Subscribe]) and counters
// that survive a crash before an execution's end.
package mover
