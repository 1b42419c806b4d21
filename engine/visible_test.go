package engine_test

import (
	"context"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// visible is an object store: what is finished has its final name at once.
func visible() storagetest.MemoryOptions {
	return storagetest.MemoryOptions{Objects: true, VisibleAtFinish: true}
}

func TestRun_LeavesWholeObjects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		op  storagetest.Op
		err error
	}{
		{storagetest.OpSync, errOdd},
		{storagetest.OpReadBack, storage.ErrTransient},
		{storagetest.OpReadBack, errOdd},
		{storagetest.OpPublish, errOdd},
	} {
		b := newBench(t, files(), visible())
		put(b.src, map[string]string{"a": "new content"})
		put(b.dst, map[string]string{"a": "old"})
		b.dst.SetFault(failing(tt.op, "a", -1, tt.err))
		res := b.run()
		if res.Code == "" || b.code("a") == "" {
			t.Errorf("%s %v: nothing reported", tt.op, tt.err)
		}
		b.wantTree(map[string]string{"a": "new content"})
	}
}

func TestRun_LeavesWholeObjectsWhenCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), visible())
	put(b.src, map[string]string{"a": "new content"})
	put(b.dst, map[string]string{"a": "old"})
	ctx, cancel := context.WithCancel(t.Context())
	b.dst.SetFault(func(op storagetest.Op, _ string) error {
		if op == storagetest.OpReadBack {
			cancel()
		}
		return nil
	})
	if _, err := engine.Run(ctx, b.job, nil); err == nil {
		t.Fatal("cancelled run ended without error")
	}
	b.wantTree(map[string]string{"a": "new content"})
}

func TestRun_RemovesBadObjects(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), visible())
	put(b.src, map[string]string{"bad": "content", "good": "content"})
	b.dst.SetTamper(func(path string, content []byte) []byte {
		if path == "bad" {
			return append([]byte("X"), content[1:]...)
		}
		return content
	})
	if res := b.run(); res.Code != engine.VerificationFailed {
		t.Errorf("result %s", res.Code)
	}
	b.wantTree(map[string]string{"good": "content"})
}
