package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hikyaku/hikyaku"
)

// How CollectDeadLetters looks into a dead-letter queue: so many messages a
// receive, and so many receives. It does not wait for messages, so that letters
// are hidden from people for moments only; what a short poll of SQS, which asks
// only some of its servers, does not see is seen by one of the next calls.
const (
	peekBatch  = 10
	peekRounds = 100
)

// CollectDeadLetters records messages that the queue dead-lettered by itself,
// because they were received too often without being accepted, and puts in
// their place letters that say so. What had been accepted, and was only not
// deleted in time, is deleted. Letters that hikyaku wrote stay; each is hidden
// for the time of the call and counts one receive more, so call it every few
// minutes at most. It returns how many were recorded.
func (d *Dispatcher) CollectDeadLetters(ctx context.Context) (collected int, err error) {
	var errs []error
	for source, q := range d.DeadLetters {
		n, err := d.collect(ctx, source, q)
		collected += n
		if err != nil {
			errs = append(errs, fmt.Errorf("look into dead-letter queue %s: %w", q.Name(), err))
		}
	}
	return collected, errors.Join(errs...)
}

func (d *Dispatcher) collect(ctx context.Context, source string, q hikyaku.Queue) (collected int, err error) {
	var letters []string
	defer func() {
		if len(letters) == 0 {
			return
		}
		ctx, cancel := unhurried(ctx)
		defer cancel()
		if releaseErr := q.Release(ctx, letters, 0); releaseErr != nil {
			err = errors.Join(err, fmt.Errorf("put back letters: %w", releaseErr))
		}
	}()
	for range peekRounds {
		messages, err := q.Receive(ctx, peekBatch, 0)
		if err != nil || len(messages) == 0 {
			return collected, err
		}
		for i, m := range messages {
			if m.Attributes[hikyaku.AttributeTransfer] != "" {
				letters = append(letters, m.Handle)
				continue
			}
			m.Queue = source
			n, err := d.givenUp(ctx, m)
			collected += n
			if err == nil {
				err = q.Delete(ctx, []string{m.Handle})
			}
			if err != nil {
				for _, m := range messages[i:] {
					letters = append(letters, m.Handle)
				}
				return collected, fmt.Errorf("record message %s: %w", m.ID, err)
			}
		}
	}
	return collected, nil
}

// givenUp records what of a message was never accepted. It returns how many
// requests that were.
func (d *Dispatcher) givenUp(ctx context.Context, m hikyaku.Message) (recorded int, err error) {
	cause := hikyaku.NewError(hikyaku.CodeQueueGaveUp, "", "", "the queue moved it away after too many receives")
	requests, err := hikyaku.ParseBody(m.Body)
	if err != nil { // nobody understands it, so that it was never accepted
		fresh, err := d.rejectOnce(ctx, rejection{message: m, cause: cause})
		return count(fresh), err
	}
	requests = d.distinct(m.Queue, requests)
	for _, q := range requests {
		route, q, err := d.understand(m.Queue, q)
		r := rejection{message: m, request: q, of: len(requests), cause: cause}
		if err == nil {
			r.accepted = hikyaku.MessageKey(m.ID, route.Name, q.ID)
		}
		fresh, err := d.rejectOnce(ctx, r)
		if err != nil {
			return recorded, err
		}
		recorded += count(fresh)
	}
	if recorded > 0 {
		d.Logger.WarnContext(ctx, "the queue gave up on a message", slog.String("message_id", m.ID), slog.Int("recorded", recorded))
	}
	return recorded, nil
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
