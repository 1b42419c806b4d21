//go:build !unix

package main

import (
	"os"
	"runtime"
)

// peakRSS is the memory this process got from the system, in bytes: an upper
// bound where the real figure is not at hand.
func peakRSS() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys) //nolint:gosec // far below 2^63
}

// notifyReload does nothing: there is no SIGHUP here.
func notifyReload(chan<- os.Signal) {}
