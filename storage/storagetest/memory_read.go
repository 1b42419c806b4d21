package storagetest

import (
	"bytes"
	"context"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// List implements [storage.Driver]. It sees the store as of the call.
func (m *Memory) List(ctx context.Context, q storage.List) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if err := m.check(ctx, OpList, ""); err != nil {
			yield(storage.Entry{}, err)
			return
		}
		for _, e := range m.snapshot(q.Prefix) {
			if err := m.check(ctx, OpList, e.Path); err != nil {
				if !yield(storage.Entry{Path: e.Path}, err) {
					return
				}
				continue
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m *Memory) snapshot(prefix string) []storage.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]storage.Entry{}
	for _, it := range m.items {
		e := it.entry
		e.Object = nil
		for i, c := range e.Path {
			if c == '/' && i < len(e.Path)-1 {
				if _, ok := seen[e.Path[:i+1]]; !ok {
					seen[e.Path[:i+1]] = storage.Entry{Path: e.Path[:i+1], Kind: storage.Dir, Implicit: true}
				}
			}
		}
		seen[e.Path] = e
	}
	maps.DeleteFunc(seen, func(p string, _ storage.Entry) bool {
		return !strings.HasPrefix(p, prefix) || p == storage.WorkFolder || strings.HasPrefix(p, storage.WorkFolder+"/")
	})
	return slices.SortedFunc(maps.Values(seen), func(a, b storage.Entry) int { return strings.Compare(a.Path, b.Path) })
}

// Stat implements [storage.Driver].
func (m *Memory) Stat(ctx context.Context, path string) (storage.Entry, error) {
	if err := m.check(ctx, OpStat, path); err != nil {
		return storage.Entry{}, err
	}
	if path == "" {
		return storage.Entry{Kind: storage.Dir}, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range []string{path, path + "/"} {
		if it, ok := m.items[m.key(p)]; ok {
			return it.full(), nil
		}
	}
	dir := m.key(strings.TrimSuffix(path, "/") + "/")
	for k := range m.items {
		if strings.HasPrefix(k, dir) {
			return storage.Entry{Path: dir, Kind: storage.Dir, Implicit: true}, nil
		}
	}
	return storage.Entry{}, &storage.PathError{Op: string(OpStat), Path: path, Kind: storage.ErrNotExist}
}

// Open implements [storage.Driver].
func (m *Memory) Open(ctx context.Context, e storage.Entry, offset, length int64) (*storage.Content, error) {
	if err := m.check(ctx, OpOpen, e.Path); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(e.Path)]
	switch {
	case !ok:
		return nil, &storage.PathError{Op: string(OpOpen), Path: e.Path, Kind: storage.ErrNotExist}
	case it.entry.ETag != e.ETag || it.entry.Size != e.Size || !it.entry.ModTime.Equal(e.ModTime):
		return nil, &storage.PathError{Op: string(OpOpen), Path: e.Path, Kind: storage.ErrChanged}
	}
	size := int64(len(it.content))
	if length < 0 {
		length = size - offset
	}
	if offset < 0 || offset+length > size {
		return nil, &storage.PathError{Op: string(OpOpen), Path: e.Path, Err: io.ErrUnexpectedEOF}
	}
	c := &storage.Content{Entry: it.full(), Body: &memBody{ctx: ctx, m: m, path: e.Path, op: OpRead, r: bytes.NewReader(it.content[offset : offset+length])}}
	if m.opts.Sum != nil && length == size {
		c.Sum = m.opts.Sum(it.content)
	}
	return c, nil
}

// Origin implements [storage.OriginReader].
func (m *Memory) Origin(ctx context.Context, path string) (storage.Origin, bool, error) {
	if err := m.check(ctx, OpOrigin, path); err != nil {
		return storage.Origin{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(path)]
	if !ok || it.origin == nil || m.opts.NoOrigin {
		return storage.Origin{}, false, nil
	}
	return *it.origin, true, nil
}

// Sum implements [storage.Summer].
func (m *Memory) Sum(ctx context.Context, e storage.Entry) (storage.Sum, error) {
	if err := m.check(ctx, OpSum, e.Path); err != nil {
		return storage.Sum{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(e.Path)]
	switch {
	case m.opts.Sum == nil:
		return storage.Sum{}, nil
	case !ok:
		return storage.Sum{}, &storage.PathError{Op: string(OpSum), Path: e.Path, Kind: storage.ErrNotExist}
	case it.entry.ETag != e.ETag:
		return storage.Sum{}, &storage.PathError{Op: string(OpSum), Path: e.Path, Kind: storage.ErrChanged}
	}
	return m.opts.Sum(it.content), nil
}

func (it *memItem) full() storage.Entry {
	e := it.entry
	if e.POSIX != nil {
		p := *e.POSIX
		e.POSIX = &p
	}
	if e.Object != nil {
		o := *e.Object
		o.User = maps.Clone(o.User)
		e.Object = &o
	}
	return e
}

// memBody serves a content in pieces, so that a fault can hit in the middle.
type memBody struct {
	ctx  context.Context //nolint:containedctx // a body lives as long as the call that opened it
	m    *Memory
	path string
	op   Op
	r    *bytes.Reader
}

func (b *memBody) Read(p []byte) (int, error) {
	if err := b.m.check(b.ctx, b.op, b.path); err != nil {
		return 0, err
	}
	return b.r.Read(p[:min(len(p), 32<<10)])
}

func (b *memBody) Close() error { return nil }
