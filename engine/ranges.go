package engine

import (
	"cmp"
	"slices"
	"strings"
)

// scanRange is a contiguous piece of the ordered listing.
type scanRange struct {
	prefix string
	// exact limits the range to the one path that equals prefix.
	exact bool
}

// ranges returns the disjoint, ordered pieces of the listing in which
// everything an include filter can match lies; the whole listing if it is empty.
func (f Filter) ranges() []scanRange {
	if f.Empty() {
		return []scanRange{{}}
	}
	var all []scanRange
	for _, p := range f.patterns {
		prefix := strings.TrimPrefix(p.parts[0], "/")
		if len(p.parts) > 1 {
			all = append(all, scanRange{prefix: prefix})
			continue
		}
		all = append(all, scanRange{prefix: prefix, exact: true}, scanRange{prefix: prefix + "/"})
	}
	slices.SortFunc(all, func(a, b scanRange) int {
		if c := strings.Compare(a.prefix, b.prefix); c != 0 {
			return c
		}
		return cmp.Compare(b2i(a.exact), b2i(b.exact))
	})
	out := all[:0]
	cover, covered := "", false
	for _, r := range all {
		if covered && strings.HasPrefix(r.prefix, cover) || len(out) > 0 && out[len(out)-1] == r {
			continue
		}
		if !r.exact {
			cover, covered = r.prefix, true
		}
		out = append(out, r)
	}
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
