// Package cli is the command line: a client of the console's API, over HTTP or
// in process. Commands that are not clients (serve, demo, sync, doctor) are
// handed to it by package main.
//
// Text and JSON output come from one value, exit codes are documented
// contracts (see ExitCode), and everything a person reads exists in English
// and Japanese.
package cli
