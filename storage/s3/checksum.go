package s3

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/minio/crc64nvme"

	"github.com/hikyaku/hikyaku/storage"
)

// Reflected polynomials of the two checksums.
const (
	polyCRC64NVME = 0x9a6c9329ac4bc9b5
	polyCRC32C    = crc32.Castagnoli
)

// combine returns the CRC of a content from those of its two halves, the
// second of n bytes: shifting the first by n zero bytes is a linear map, built
// here by squaring.
func combine(poly uint64, width int, first, second uint64, n int64) uint64 {
	if n == 0 {
		return first
	}
	// One zero bit: shift right, subtract the polynomial if a bit fell out.
	var op matrix
	op[0] = poly
	for i := 1; i < width; i++ {
		op[i] = 1 << (i - 1)
	}
	op = op.squared(width) // 2 bits
	op = op.squared(width) // 4 bits
	for {
		op = op.squared(width) // 1, 2, 4, … bytes
		if n&1 != 0 {
			first = op.times(first)
		}
		if n >>= 1; n == 0 {
			return first ^ second
		}
	}
}

// matrix is a linear map over bits, by columns.
type matrix [64]uint64

func (m *matrix) times(v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

func (m *matrix) squared(width int) (sq matrix) {
	for i := range width {
		sq[i] = m.times(m[i])
	}
	return sq
}

// sumOfBytes is the checksum of b.
func sumOfBytes(a storage.Algorithm, b []byte) storage.Sum {
	c := crcs{algorithm: a}
	c.add(b)
	return c.sum()
}

// crcs are the running checksums of one stretch of content: the one objects
// are stored with, and the other, which Finish may be given.
type crcs struct {
	crc64 uint64
	crc32 uint32
	size  int64
	// algorithm limits the work to one of them; NoSum makes both.
	algorithm storage.Algorithm
}

func (c *crcs) add(b []byte) {
	if c.algorithm != storage.CRC32C {
		c.crc64 = crc64nvme.Update(c.crc64, b)
	}
	if c.algorithm != storage.CRC64NVME {
		c.crc32 = crc32.Update(c.crc32, castagnoli(), b)
	}
	c.size += int64(len(b))
}

// castagnoli is cheap: package hash/crc32 makes this table once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// sum returns the checksum of c's algorithm.
func (c *crcs) sum() storage.Sum { return c.sumBy(c.algorithm) }

func (c *crcs) sumBy(a storage.Algorithm) storage.Sum {
	s := storage.Sum{Algorithm: a}
	if a == storage.CRC32C {
		binary.BigEndian.PutUint32(s.Value[:4], c.crc32)
	} else {
		binary.BigEndian.PutUint64(s.Value[:], c.crc64)
	}
	return s
}

// then returns the checksums of c followed by next.
func (c *crcs) then(next crcs) crcs {
	return crcs{
		crc64: combine(polyCRC64NVME, 64, c.crc64, next.crc64, next.size),
		crc32: uint32(combine(polyCRC32C, 32, uint64(c.crc32), uint64(next.crc32), next.size)), //nolint:gosec // 32 bits by construction
		size:  c.size + next.size,
	}
}
