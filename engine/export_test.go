package engine

import (
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Preserve says which metadata to carry over, for tests.
type Preserve struct{ Mtime, Atime, UID, GID, Mode bool }

func (p Preserve) decided() preserve {
	return preserve{mtime: p.Mtime, atime: p.Atime, uid: p.UID, gid: p.GID, mode: p.Mode}
}

// Delivered exposes delivered.
func Delivered(e storage.Entry, p Preserve, src, dst storage.Properties) storage.Entry {
	return delivered(e, p.decided(), src, dst)
}

// SumBytes sums content with the standard library's implementation.
func SumBytes(a storage.Algorithm, content []byte) storage.Sum {
	r := newSums(nil).start(a)
	r.add(content)
	return r.sum()
}

// Combine exposes combine.
func Combine(first, second storage.Sum, n int64) storage.Sum { return combine(first, second, n) }

// Ranges returns the prefixes an include filter lists; exact ones end in "$".
func (f Filter) Ranges() []string {
	var out []string
	for _, r := range f.ranges() {
		if r.exact {
			r.prefix += "$"
		}
		out = append(out, r.prefix)
	}
	return out
}

// AlwaysExcluded exposes alwaysExcluded.
func AlwaysExcluded(path string) bool { return alwaysExcluded(path) }

// Streams exposes streams.
type Streams struct{ s streams }

// NewStreams exposes newStreams.
func NewStreams(width, limit int) Streams { return Streams{newStreams(width, limit)} }

// TryTake takes a slot if one is free.
func (s Streams) TryTake() bool {
	select {
	case s.s.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// Release exposes release.
func (s Streams) Release(began, now time.Time, n int64) { s.s.release(began, now, n) }
