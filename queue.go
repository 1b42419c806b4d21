package hikyaku

import (
	"context"
	"time"
)

// Message is one received queue message.
type Message struct {
	ID string
	// Handle names this receive; opaque.
	Handle string
	Body   string
	// Attributes are string message attributes by name.
	Attributes map[string]string
	// Receives counts receives, this one included. SentAt is the producer's send.
	Receives int
	SentAt   time.Time
	// Queue is the name of the queue it came from.
	Queue string
	// Sender is who sent it, as the queue vouches (SQS's SenderId); empty where it
	// is not asked.
	Sender string
}

// OutMessage is a message to send.
type OutMessage struct {
	Body       string
	Attributes map[string]string
}

// Queue is one SQS queue. Methods may be called concurrently. Errors are
// *Error with Kind Transient, Denied, NotFound or Invalid.
type Queue interface {
	// Name is the queue's name.
	Name() string
	// Receive waits up to wait for at most limit (1 to 10) messages.
	Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error)
	// Delete acknowledges. Handles already deleted are no error.
	Delete(ctx context.Context, handles []string) error
	// Release makes messages visible again after delay.
	Release(ctx context.Context, handles []string, delay time.Duration) error
	// Send sends one message and returns its ID.
	Send(ctx context.Context, m OutMessage) (messageID string, err error)
}

// Redriver moves messages out of a dead-letter queue.
type Redriver interface {
	// Redrive starts moving everything from this queue to the queue named by
	// destination, and returns a handle to follow it.
	Redrive(ctx context.Context, destination string) (handle string, err error)
}

// The attributes of dead letters; a message that carries AttributeTransfer is
// a redrive of that transfer.
const (
	AttributeTransfer = "hikyaku-transfer-id"
	AttributeCode     = "hikyaku-code"
	AttributeReason   = "hikyaku-reason"
	// AttributeReruns is the transfer's Reruns when the dead letter was
	// written: a letter from before the last rerun is not obeyed again.
	AttributeReruns = "hikyaku-reruns"
	// AttributeBody, when set, says that the body was too large to be sent
	// again and is kept in the ledger.
	AttributeBody = "hikyaku-body"
)
