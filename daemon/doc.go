// Package daemon is the inbound side of the self-hosted edition: loops that
// receive messages, a signal that assigns, the intake of state-change events,
// and the timers. It decides nothing; every step is a call of dispatch.
//
// What makes something ready also signals the step that it is ready for, so
// nothing waits for a timer: an accepted message signals assigning, an ended
// execution is refreshed at once and then signals assigning and the outbox.
// The timers are the truth behind it, because signals and events may be lost.
//
// Panics are caught where they happen: that one message is released, that one
// round of a timer ends, and the stack is logged.
package daemon
