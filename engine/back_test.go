package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// backing is a store whose files can be read while they are written; damage
// is done to what it stores.
type backing struct {
	*storagetest.Memory
	damage func(path string, block []byte)
	parts  atomic.Int64
}

func (b *backing) Stage(ctx context.Context, execution string) (storage.Stage, error) {
	s, err := b.Memory.Stage(ctx, execution)
	return backingStage{s, b}, err
}

type backingStage struct {
	storage.Stage
	store *backing
}

func (s backingStage) Create(ctx context.Context, e storage.Entry) (storage.StagedFile, error) {
	f, err := s.Stage.Create(ctx, e)
	if err != nil {
		return nil, err
	}
	return &backingFile{f, s.store, e.Path}, nil
}

func (s backingStage) Publish(ctx context.Context, files []storage.StagedFile) []error {
	return s.Stage.Publish(ctx, own(files))
}

func (s backingStage) Sync(ctx context.Context, files []storage.StagedFile) error {
	return s.Stage.Sync(ctx, own(files))
}

func own(files []storage.StagedFile) []storage.StagedFile {
	out := make([]storage.StagedFile, len(files))
	for i, f := range files {
		out[i] = f
		if b, ok := f.(*backingFile); ok {
			out[i] = b.StagedFile
		}
	}
	return out
}

type backingFile struct {
	storage.StagedFile
	store *backing
	path  string
}

func (f *backingFile) WritePartBack(ctx context.Context, offset, size int64, r io.Reader, back func([]byte)) error {
	f.store.parts.Add(1)
	block, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return err
	}
	f.store.damage(f.path, block)
	back(block)
	return f.WritePart(ctx, offset, size, bytes.NewReader(block))
}

// TestRun_VerifiesWhileWriting damages a part of a large file on its way into
// the store, with a source that states a checksum and with one that does not:
// the damage is found, the file copied again, and refused if it stays bad.
func TestRun_VerifiesWhileWriting(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789", 5)
	for _, stated := range []bool{false, true} {
		for damages, want := range map[int64]engine.Code{0: "", 1: "", 1000: engine.ChecksumMismatch} {
			t.Run(fmt.Sprintf("stated=%t damages=%d", stated, damages), func(t *testing.T) {
				t.Parallel()
				from, to := objects(), files()
				to.PartSize = 16
				if stated {
					from.Sum = func(c []byte) storage.Sum { return engine.SumBytes(storage.CRC32C, c) }
				}
				b := newBench(t, from, to)
				var done atomic.Int64
				dst := &backing{Memory: b.dst, damage: func(_ string, block []byte) {
					if done.Add(1) <= damages {
						block[0] ^= 1
					}
				}}
				b.job.Destination = dst
				put(b.src, map[string]string{"large": large, "small": "x"})
				res := b.run()
				tree := map[string]string{"small": "x"}
				if want == "" {
					tree["large"] = large
				}
				b.wantTree(tree)
				if got := b.code("large"); got != want {
					t.Errorf("code %q, want %q", got, want)
				}
				if dst.parts.Load() < 4 {
					t.Errorf("%d parts were read back while written, want 4 or more", dst.parts.Load())
				}
				if want == "" && res.Counters.FilesVerified != 2 {
					t.Errorf("%d verified, want 2", res.Counters.FilesVerified)
				}
			})
		}
	}
}
