package engine_test

import (
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

func TestRun_CaseCollisions(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), storagetest.MemoryOptions{CaseInsensitive: true})
	put(b.src, map[string]string{"A/x": "1", "a/y": "2", "B": "3", "b": "4", "c/Ä": "5", "c/ä": "6", "d": "7"})
	res := b.run()
	b.wantTree(map[string]string{"A/x": "1", "B": "3", "c/Ä": "5", "d": "7"})
	for _, p := range []string{"a/", "a/y", "b", "c/ä"} {
		if b.code(p) != engine.CaseCollision {
			t.Errorf("%s: code %q", p, b.code(p))
		}
	}
	if text := res.FirstErrors[0].Err.Error(); text != `"A" and "a" differ only in case` {
		t.Errorf("error does not name both: %s", text)
	}
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	if _, err := b.try(); err == nil {
		t.Error("REMOVE at a case-insensitive destination was not refused")
	}
}

func TestRun_NormalFormCollisions(t *testing.T) {
	t.Parallel()
	const ga, gaTwo, e, eTwo = "\u304c", "\u304b\u3099", "caf\u00e9", "cafe\u0301" // が and é, composed and not
	for _, mode := range []string{"CHANGED", "ALL"} {
		b := newBench(t, objects(), storagetest.MemoryOptions{Normalizes: true})
		put(b.src, map[string]string{e: "1", eTwo: "2", ga + "/x": "3", gaTwo + "/y": "4", "A": "5", "a": "6", "new-" + ga: "7"})
		put(b.dst, map[string]string{"new-" + gaTwo: "somebody else's"})
		b.job.Options.TransferMode = mode
		res := b.run()
		// Of twins the first in byte order, which is the decomposed one, is delivered.
		b.wantTree(map[string]string{eTwo: "2", gaTwo + "/y": "4", "A": "5", "a": "6", "new-" + gaTwo: "somebody else's"})
		for _, p := range []string{e, ga + "/", ga + "/x", "new-" + ga} {
			if b.code(p) != engine.CaseCollision {
				t.Errorf("%s: %+q: code %q", mode, p, b.code(p))
			}
		}
		if text := res.FirstErrors[0].Err.Error(); text != `"cafe\u0301" and "caf\u00e9" differ only in their Unicode form` {
			t.Errorf("%s: error does not name both: %s", mode, text)
		}
	}
	apart := newBench(t, objects(), files())
	put(apart.src, map[string]string{e: "1", eTwo: "2"})
	apart.run()
	apart.wantTree(map[string]string{e: "1", eTwo: "2"})
}

// What is at the destination by a name that differs only in case is somebody
// else's and not overwritten.
func TestRun_CaseCollidesWithTheDestination(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"CHANGED", "ALL"} {
		b := newBench(t, objects(), storagetest.MemoryOptions{CaseInsensitive: true})
		put(b.src, map[string]string{"A.txt": "new", "same": "new", "z": "new"})
		put(b.dst, map[string]string{"a.txt": "old", "same": "old"})
		b.job.Options.TransferMode = mode
		b.run()
		b.wantTree(map[string]string{"a.txt": "old", "same": "new", "z": "new"})
		if got := b.code("A.txt"); got != engine.CaseCollision {
			t.Errorf("%s: code %q", mode, got)
		}
	}
}
