// Package scenariotest reads a scenario (what is sent, what breaks, what must
// have become of everything in the end) and runs it against an edition of
// hikyaku. The same file runs against every edition, so that all of them come
// to the same end state. It is imported by tests only.
package scenariotest
