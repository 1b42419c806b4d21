// Package hikyakutest provides what tests of the control plane need: an
// in-memory Ledger, a fake Executor whose executions a test moves by hand, a
// fake Queue and Source, and decorators that inject faults before or after a
// call took effect.
//
// Everything keeps its state in memory, may be used concurrently, and is
// imported by tests only.
package hikyakutest
