package engine

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/hikyaku/hikyaku/storage"
)

// caseGuard finds names that the destination takes for one, because they
// differ only in case or in their Unicode normal form, one directory level at
// a time. Paths must come in listing order.
type caseGuard struct {
	fold   func(name string) string
	levels []caseLevel
}

// caseLevel is a directory the listing is in: its names by their folded form.
type caseLevel struct {
	dir   string
	names map[string]string
}

func newCaseGuard(fold func(string) string) *caseGuard {
	return &caseGuard{fold: fold, levels: []caseLevel{{names: map[string]string{}}}}
}

// check reports a collision of path with an item seen before; an item inside
// a colliding directory collides too.
func (g *caseGuard) check(path string) error {
	for len(g.levels) > 1 && !strings.HasPrefix(path, g.levels[len(g.levels)-1].dir) {
		g.levels = g.levels[:len(g.levels)-1]
	}
	top := g.levels[len(g.levels)-1]
	if top.names == nil {
		return coded(CaseCollision, fmt.Errorf("%q lies in a directory whose name differs from another's only in case or Unicode form", path))
	}
	name := strings.TrimSuffix(path[len(top.dir):], "/")
	folded := g.fold(name)
	first, taken := top.names[folded]
	collides := taken && first != name
	if !taken {
		top.names[folded] = name
	}
	if strings.HasSuffix(path, "/") {
		level := caseLevel{dir: path}
		if !collides {
			level.names = map[string]string{}
		}
		g.levels = append(g.levels, level)
	}
	if collides {
		text := "%q and %q differ only in case"
		if fold(first) != fold(name) {
			text = "%+q and %+q differ only in their Unicode form" // which nobody could see
		}
		return coded(CaseCollision, fmt.Errorf(text, top.dir+first, top.dir+name))
	}
	return nil
}

// sameButCase reports an item of the destination that a new one would take the
// place of: it is not there by the new one's name, and yet found by it.
func (r *run) sameButCase(ctx context.Context, t *task) error {
	if !folds(r.dstP) || t.dst.Path != "" {
		return nil
	}
	_, err := r.dst.Stat(ctx, t.src.Path)
	switch {
	case err == nil:
		return coded(CaseCollision, fmt.Errorf("%q is at the destination by a name that differs only in case or Unicode form", t.src.Path))
	case gone(err):
		return nil
	}
	return coded(DestinationReadFailed, err)
}

// folds reports whether a store takes some different names for one.
func folds(p storage.Properties) bool { return p.CaseInsensitive || p.Normalizes }

// folding returns the function that gives all names that a store takes for one
// the same form.
func folding(d storage.Driver) func(name string) string {
	p := d.Properties()
	n, ok := d.(storage.Normalizer)
	return func(name string) string {
		if p.Normalizes && ok {
			name = n.Normal(name)
		}
		if p.CaseInsensitive {
			name = fold(name)
		}
		return name
	}
}

// fold maps each rune to the least of those that differ from it only in case.
func fold(s string) string {
	return strings.Map(func(c rune) rune {
		least := c
		for r := unicode.SimpleFold(c); r != c; r = unicode.SimpleFold(r) {
			least = min(least, r)
		}
		return least
	}, s)
}
