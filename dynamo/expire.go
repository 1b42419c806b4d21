package dynamo

import "time"

const (
	// uniqueLife is how long names are kept at least.
	uniqueLife = 14 * 24 * time.Hour
	// lockLife is how long lock items are kept after they were last taken: far
	// longer than any execution runs, because an item that is gone locks nothing.
	lockLife = 366 * 24 * time.Hour
)

// expire lets an item be removed a while after a moment, unless everything is kept.
func (l *Ledger) expire(o *op, from time.Time, life time.Duration) {
	if l.Retention > 0 {
		o.set(TTLAttribute, num(from.Add(life).Unix()))
	}
}
