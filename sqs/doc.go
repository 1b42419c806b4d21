// Package sqs is hikyaku's Queue on any endpoint that speaks the SQS API,
// Amazon's or hikyaku's own.
//
// Receiving uses long polling and brings all message attributes; deleting and
// releasing go in batches of ten with every entry's own failure reported.
// Errors are *hikyaku.Error whose Op and Subject name the operation and the
// queue.
//
// Not guaranteed: that a message comes once, or in order. A Send that failed
// with a transient error may have reached the queue all the same.
package sqs
