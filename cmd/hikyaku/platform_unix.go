//go:build unix

package main

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// peakRSS is this process's largest resident memory in bytes.
func peakRSS() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return u.Maxrss // bytes there
	}
	return u.Maxrss * 1024
}

// notifyReload delivers SIGHUP to c.
func notifyReload(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }
