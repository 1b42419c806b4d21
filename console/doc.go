// Package console is how people see and steer transfers: a JSON API, a live
// stream of server-sent events, metrics, and pages. It reads the ledger and
// hands every action to the Operator; it holds no state of its own that a
// restart would lose.
//
// It also holds the typed Client of its API, which the command line uses over
// HTTP or in process.
//
// Not guaranteed: lists may be slightly stale, as the ledger's are; the stream
// shows the newest state of each transfer, not every state in between.
package console
