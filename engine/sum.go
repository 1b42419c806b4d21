package engine

import (
	"encoding/binary"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"github.com/hikyaku/hikyaku/storage"
)

// Reflected polynomials.
const (
	polyCRC32C    = uint64(crc32.Castagnoli)
	polyCRC64NVME = uint64(0x9a6c9329ac4bc9b5)
)

// sums computes checksums of the algorithms a run knows.
type sums struct {
	// primary is what the run computes for every content.
	primary storage.Algorithm
	crc64   func() hash.Hash64
}

// newSums prefers CRC64NVME if a fast implementation is given. Without one
// CRC32C is primary, and the standard library's table does CRC64NVME where a
// store's own checksum is to be compared.
func newSums(fast func() hash.Hash64) sums {
	if fast != nil {
		return sums{primary: storage.CRC64NVME, crc64: fast}
	}
	table := crc64.MakeTable(polyCRC64NVME)
	return sums{primary: storage.CRC32C, crc64: func() hash.Hash64 { return crc64.New(table) }}
}

// start returns a running checksum.
func (s sums) start(a storage.Algorithm) *running {
	r := &running{algorithm: a}
	if a == storage.CRC64NVME {
		r.h64 = s.crc64()
	}
	return r
}

// running is a checksum under way. CRC32C is kept as a plain number: the
// standard library's function is what the processor accelerates.
type running struct {
	algorithm storage.Algorithm
	h64       hash.Hash64
	crc       uint32
	n         int64
}

func (r *running) add(p []byte) {
	r.n += int64(len(p))
	if r.h64 != nil {
		_, _ = r.h64.Write(p) // a hash never fails
		return
	}
	r.crc = crc32.Update(r.crc, castagnoli(), p)
}

// castagnoli returns the table; the library makes it once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func (r *running) sum() storage.Sum {
	if r.h64 != nil {
		return makeSum(storage.CRC64NVME, r.h64.Sum64())
	}
	return makeSum(storage.CRC32C, uint64(r.crc))
}

// makeSum puts a checksum into a Sum, big endian; CRC32C fills the first four bytes.
func makeSum(a storage.Algorithm, v uint64) storage.Sum {
	s := storage.Sum{Algorithm: a}
	if a == storage.CRC32C {
		binary.BigEndian.PutUint32(s.Value[:4], uint32(v)) //nolint:gosec // a CRC32 has 32 bits
	} else {
		binary.BigEndian.PutUint64(s.Value[:], v)
	}
	return s
}

func sumValue(s storage.Sum) uint64 {
	if s.Algorithm == storage.CRC32C {
		return uint64(binary.BigEndian.Uint32(s.Value[:4]))
	}
	return binary.BigEndian.Uint64(s.Value[:])
}

// combine returns the checksum of a content from those of its first part and
// of the n bytes that follow.
func combine(first, second storage.Sum, n int64) storage.Sum {
	poly, width := polyCRC64NVME, 64
	if first.Algorithm == storage.CRC32C {
		poly, width = polyCRC32C, 32
	}
	return makeSum(first.Algorithm, shiftCRC(sumValue(first), n, poly, width)^sumValue(second))
}

// shiftCRC advances a reflected CRC over n zero bytes: multiplication by
// x^(8n) modulo the polynomial, by squaring.
func shiftCRC(crc uint64, n int64, poly uint64, width int) uint64 {
	square := uint64(1) << (width - 1 - 8) // x^8; x^0 is the top bit
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			crc = mulmod(crc, square, poly, width)
		}
		square = mulmod(square, square, poly, width)
	}
	return crc
}

// mulmod multiplies reflected polynomials.
func mulmod(a, b, poly uint64, width int) uint64 {
	var p uint64
	for m := uint64(1) << (width - 1); m != 0; m >>= 1 {
		if a&m != 0 {
			p ^= b
		}
		if b&1 == 1 {
			b = b>>1 ^ poly
		} else {
			b >>= 1
		}
	}
	return p
}

// partSums collects part checksums of one algorithm and joins them. Make one
// with newPartSums; set may be called concurrently for different parts.
type partSums struct {
	only partSum   // of a content in one part
	many []partSum // of a content in several
}

type partSum struct {
	sum  storage.Sum
	size int64
}

func newPartSums(n int) partSums {
	if n == 1 {
		return partSums{}
	}
	return partSums{many: make([]partSum, n)}
}

func (p *partSums) set(n int, sum storage.Sum, size int64) {
	if p.many == nil {
		p.only = partSum{sum, size}
		return
	}
	p.many[n] = partSum{sum, size}
}

// whole returns the content's checksum, or the zero Sum if a part's is missing.
func (p *partSums) whole() storage.Sum {
	if p.many == nil {
		return p.only.sum
	}
	total := p.many[0].sum
	for i, part := range p.many {
		if part.sum.Algorithm == storage.NoSum {
			return storage.Sum{}
		}
		if i > 0 {
			total = combine(total, part.sum, part.size)
		}
	}
	return total
}
