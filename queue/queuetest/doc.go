// Package queuetest holds the conformance suite of queue.Store and an
// in-memory store for tests.
package queuetest
