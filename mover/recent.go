package mover

// recentKept is how many ended executions are remembered: those who started
// one ask for it right after its end.
const recentKept = 256

// recent remembers the executions that ended last, so that describing them
// does not read the store. The zero value is empty. Guarded by Service.mu.
type recent struct {
	byARN map[string]Execution
	order [recentKept]string
	next  int
}

// add remembers an ended execution and forgets the oldest.
func (c *recent) add(e Execution) {
	if c.byARN == nil {
		c.byARN = make(map[string]Execution, recentKept)
	}
	delete(c.byARN, c.order[c.next])
	c.byARN[e.ARN], c.order[c.next] = e, e.ARN
	c.next = (c.next + 1) % recentKept
}

// get returns an execution that is remembered.
func (c *recent) get(arn string) (Execution, bool) {
	e, ok := c.byARN[arn]
	return e, ok
}

// forget drops an execution whose record has changed.
func (c *recent) forget(arn string) { delete(c.byARN, arn) }
