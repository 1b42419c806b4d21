// Package movertest holds the conformance suite of mover.Store and a store in
// memory. It is imported by tests only.
package movertest
