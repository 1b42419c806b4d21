package local_test

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
)

// piper gives content in random pieces, some by the pipe and some not.
type piper struct {
	rest  []byte
	rand  *rand.Rand
	piped int
}

func (p *piper) Read([]byte) (int, error) { panic("not by Read") }

func (p *piper) Pipe(w uintptr, buf []byte) (int, bool, error) {
	if len(p.rest) == 0 {
		return 0, false, io.EOF
	}
	n := 1 + p.rand.IntN(min(len(buf), len(p.rest), 64<<10))
	block := p.rest[:n]
	p.rest = p.rest[n:]
	if p.rand.IntN(4) == 0 {
		return copy(buf, block), false, nil
	}
	m, err := unix.Write(int(w), block)
	if m != n {
		panic(err)
	}
	p.piped += n
	return n, true, nil
}

func newPiper(content []byte) *piper {
	return &piper{rest: content, rand: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // not for secrets
}

func pattern(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(b) // never fails
	return b
}

func TestStagedFile_WritePartBack_piped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := local.New(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // a test folder
	s, err := d.Stage(t.Context(), "exec")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context()) //nolint:errcheck // a test folder
	want := pattern(3<<20 + 5)
	e := storage.Entry{Path: "f", Kind: storage.File, Size: int64(len(want))}
	f, err := s.Create(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	b, ok := f.(storage.BackReader)
	if !ok {
		t.Fatal("no BackReader")
	}
	cut := 2<<20 + 3
	for _, p := range [][2]int{{cut, len(want)}, {0, cut}} {
		var back []byte
		src := newPiper(want[p[0]:p[1]])
		if err := b.WritePartBack(t.Context(), int64(p[0]), int64(p[1]-p[0]), src, func(block []byte) { back = append(back, block...) }); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back, want[p[0]:p[1]]) || src.piped == 0 {
			t.Errorf("part at %d: read back %d bytes that differ, or none of %d was piped", p[0], len(back), src.piped)
		}
	}
	short := newPiper(want[:100])
	if err := b.WritePartBack(t.Context(), 0, 200, short, nil); err == nil {
		t.Error("a part that ends early was taken")
	}
	if err := f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{}); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Publish(t.Context(), []storage.StagedFile{f}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := fs.ReadFile(os.DirFS(dir), "f")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestCopyPart_withoutSplice has a file that takes nothing from pipes, as some
// file systems do: here because it appends.
func TestCopyPart_withoutSplice(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // a test file
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFL, unix.O_APPEND); err != nil {
		t.Fatal(err)
	}
	want := pattern(1<<20 + 9)
	src := newPiper(want)
	var back []byte
	if err := local.CopyPart(t.Context(), f, int64(len(want)), src, func(b []byte) { back = append(back, b...) }); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(got, want) || !bytes.Equal(back, want) {
		t.Errorf("%d bytes, %d read back, of %d: %v", len(got), len(back), len(want), err)
	}
	if src.piped == 0 {
		t.Error("nothing was piped")
	}
}
