package s3

import (
	"math/bits"
	"sync"
)

// bufferPool hands out buffers in sizes that are powers of two.
type bufferPool struct{ classes [64]sync.Pool }

// smallestBuffer keeps tiny objects from having classes of their own.
const smallestBuffer = 4 << 10

// get returns a buffer of n bytes, to be given back whole.
func (p *bufferPool) get(n int64) *[]byte {
	class := bits.Len64(uint64(max(n, smallestBuffer) - 1))
	if b, ok := p.classes[class].Get().(*[]byte); ok {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n, 1<<class)
	return &b
}

func (p *bufferPool) put(b *[]byte) {
	p.classes[bits.Len64(uint64(cap(*b)-1))].Put(b) //nolint:gosec // positive
}
