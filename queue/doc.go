// Package queue is our SQS: standard queues with visibility timeouts, delays,
// long polling, dead-letter queues and message moves, as Amazon documents
// them, on a [Store].
//
// A message whose Send returned is as durable as the Store makes it. Delivery
// is at least once; order is roughly the order of sending; while a message is
// invisible no second receiver gets it. Deleting with the receipt of an
// earlier receive deletes, as it does on SQS's standard queues.
//
// Not provided: FIFO queues, queue policies, and encryption keys; they are
// refused by name, never accepted and ignored.
package queue
