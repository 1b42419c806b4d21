// Package stepfunctions hands transfers to AWS Step Functions: one execution
// of a state machine drives a transfer's task executions, start, wait and
// retry. The machine (deploy/statemachine.asl.yaml) only calls and waits; what
// its answers mean is decided by the dispatcher, in the function steps, and the
// ledger is written nowhere else.
//
// Executor is the dispatcher's way out: its Start begins an execution of the
// state machine, or wakes the one that parked the transfer between two
// attempts. Parking keeps the tokens of those. Orders, states and steps are
// the documents that the machine and the function exchange.
package stepfunctions
