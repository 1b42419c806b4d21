package mover

import (
	"context"
	"errors"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// driverCache keeps one opened driver per location, so that connections
// outlive executions.
type driverCache struct {
	open OpenFunc

	mu      sync.Mutex
	closed  bool
	entries map[string]*driverEntry // by location ARN
}

// driverEntry is one revision's driver.
type driverEntry struct {
	revision int
	// turn holds a token while nobody is opening.
	turn chan struct{}

	// Guarded by driverCache.mu:
	driver storage.Driver
	users  int
	stale  bool
}

func newDriverCache(open OpenFunc) *driverCache {
	return &driverCache{open: open, entries: map[string]*driverEntry{}}
}

// acquire returns the location's driver, opening it if need be. The caller
// calls release once it is done with the driver.
func (c *driverCache) acquire(ctx context.Context, l Location) (d storage.Driver, release func(), err error) {
	e, err := c.enter(l)
	if err != nil {
		return nil, nil, err
	}
	release = sync.OnceFunc(func() { c.leave(e) })
	select {
	case <-e.turn:
	case <-ctx.Done():
		release()
		return nil, nil, context.Cause(ctx)
	}
	defer func() { e.turn <- struct{}{} }()
	c.mu.Lock()
	d = e.driver
	c.mu.Unlock()
	if d != nil {
		return d, release, nil
	}
	if d, err = c.open(ctx, l); err != nil {
		release()
		return nil, nil, err
	}
	c.mu.Lock()
	e.driver = d
	c.mu.Unlock()
	return d, release, nil
}

// enter counts the caller as a user of the entry for l's revision.
func (c *driverCache) enter(l Location) (*driverEntry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errStopping
	}
	e := c.entries[l.ARN]
	switch {
	case e == nil:
	case e.revision == l.Revision:
		e.users++
		return e, nil
	case e.revision > l.Revision: // an old snapshot: opened for this use alone
		return &driverEntry{revision: l.Revision, turn: token(), users: 1, stale: true}, nil
	default:
		c.retire(e)
	}
	e = &driverEntry{revision: l.Revision, turn: token(), users: 1}
	c.entries[l.ARN] = e
	return e, nil
}

func token() chan struct{} {
	t := make(chan struct{}, 1)
	t <- struct{}{}
	return t
}

// leave closes the driver of a stale entry after its last user.
func (c *driverCache) leave(e *driverEntry) {
	c.mu.Lock()
	e.users--
	d := e.driver
	last := e.stale && e.users == 0
	if last {
		e.driver = nil
	}
	c.mu.Unlock()
	if last && d != nil {
		_ = d.Close() // nobody is left whom its failure could concern
	}
}

// retire marks an entry as stale. c.mu must be held.
func (c *driverCache) retire(e *driverEntry) {
	e.stale = true
	if d := e.driver; e.users == 0 && d != nil {
		e.driver = nil
		_ = d.Close() // as in leave
	}
}

// forget drops a location's driver; users under way keep it until they end.
func (c *driverCache) forget(arn string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[arn]; e != nil {
		delete(c.entries, arn)
		c.retire(e)
	}
}

// close closes all drivers. Nobody may be using one.
func (c *driverCache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var errs []error
	for arn, e := range c.entries {
		delete(c.entries, arn)
		if e.driver != nil {
			errs = append(errs, e.driver.Close())
		}
	}
	return errors.Join(errs...)
}
