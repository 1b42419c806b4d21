// Package lambdatest runs real Lambda binaries without AWS: a Runtime API on
// loopback as Lambda serves it, and a poller that behaves like the event
// source mapping between an SQS queue and a function.
//
// A binary that runs here runs on Lambda: what differs is that environments
// are not frozen between invocations, that nothing limits memory, and that
// there are no permissions.
package lambdatest
