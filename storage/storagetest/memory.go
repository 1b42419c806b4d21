// Package storagetest holds what drivers and the engine are tested with. It
// is imported by tests only.
package storagetest

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc64"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Op names a step of the in-memory driver at which a fault can be injected.
type Op string

// The steps.
const (
	OpList     Op = "list" // path is the entry about to be yielded, "" before the first
	OpStat     Op = "stat"
	OpOpen     Op = "open"
	OpRead     Op = "read" // each Read of an opened body
	OpStage    Op = "stage"
	OpCreate   Op = "create"
	OpWrite    Op = "write" // each WritePart, before it reads
	OpFinish   Op = "finish"
	OpSync     Op = "sync" // path is the first file's
	OpReadBack Op = "read back"
	OpPublish  Op = "publish"
	OpMakeDir  Op = "make directory"
	OpSymlink  Op = "make symlink"
	OpRemove   Op = "remove"
	OpOrigin   Op = "origin"
	OpDiscard  Op = "discard"
)

// Fault decides whether a step fails: a non-nil error is returned from it,
// wrapped in a [storage.PathError]. It is called without locks held, so it
// may change either store.
type Fault func(op Op, path string) error

// MemoryOptions shape a [Memory]. The zero value is a POSIX-like file store.
type MemoryOptions struct {
	// Objects makes it an object store: ETags, user metadata, implicit
	// directories, no symlinks, no ownership.
	Objects bool
	// PartSize, MaxFile and CaseInsensitive go to the properties.
	PartSize, MaxFile int64
	CaseInsensitive   bool
	// MaxParts makes parts larger than PartSize for files that would have
	// more; 0 is unlimited.
	MaxParts int64
	// Root goes to the properties, too.
	Root string
	// VisibleAtFinish makes Finish store the file under its final name, as
	// object stores do.
	VisibleAtFinish bool
	// NoOrigin makes Origin report nothing.
	NoOrigin bool
	// Sum computes the checksum that Sum and Open of a whole content report;
	// nil: none.
	Sum func(content []byte) storage.Sum
	// Now stamps written objects and ctimes; nil is a clock that starts in
	// 2023 and advances a second with every use.
	Now func() time.Time
}

// Memory is a [storage.Driver] in memory, with faults on demand.
type Memory struct {
	opts MemoryOptions

	mu     sync.Mutex
	items  map[string]*memItem
	stages map[string]int // staged files by execution
	ticks  int64
	fault  Fault
	tamper func(path string, content []byte) []byte
}

type memItem struct {
	entry   storage.Entry
	content []byte
	origin  *storage.Origin
}

var (
	_ storage.Driver       = (*Memory)(nil)
	_ storage.OriginReader = (*Memory)(nil)
	_ storage.SymlinkMaker = (*Memory)(nil)
	_ storage.Summer       = (*Memory)(nil)
	_ storage.Sweeper      = (*Memory)(nil)
	_ storage.Prober       = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory(opts MemoryOptions) *Memory {
	return &Memory{opts: opts, items: map[string]*memItem{}, stages: map[string]int{}}
}

// SetFault replaces the fault; nil means none.
func (m *Memory) SetFault(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// SetTamper makes the store keep something else than it was given: f's
// result replaces the content of each finished file. nil means none.
func (m *Memory) SetTamper(f func(path string, content []byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tamper = f
}

// Put stores content at e.Path as another program would: e's times, POSIX and
// Object are kept, its ETag and Size computed. Parents are made.
func (m *Memory) Put(e storage.Entry, content string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store(e, []byte(content), nil)
}

// Delete drops path, and all below it if it is a directory.
func (m *Memory) Delete(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.items {
		if k == m.key(path) || strings.HasSuffix(path, "/") && strings.HasPrefix(k, m.key(path)) {
			delete(m.items, k)
		}
	}
}

// Read returns the content at path.
func (m *Memory) Read(path string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(path)]
	if !ok {
		return "", false
	}
	return string(it.content), true
}

// Entry returns the entry at path with all metadata.
func (m *Memory) Entry(path string) (storage.Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(path)]
	if !ok {
		return storage.Entry{}, false
	}
	return it.full(), true
}

// Tree returns all contents by path; directories have their trailing slash
// and an empty content.
func (m *Memory) Tree() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	tree := make(map[string]string, len(m.items))
	for _, it := range m.items {
		tree[it.entry.Path] = string(it.content)
	}
	return tree
}

// Staged returns how many files are staged and not yet published or discarded.
func (m *Memory) Staged() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, c := range m.stages {
		n += c
	}
	return n
}

// Stages returns how many stages are open.
func (m *Memory) Stages() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.stages)
}

// Properties implements [storage.Driver].
func (m *Memory) Properties() storage.Properties {
	return storage.Properties{
		Scheme: "memory", Name: "memory", Root: m.opts.Root,
		PartSize: m.opts.PartSize, MaxFile: m.opts.MaxFile,
		POSIXMetadata: !m.opts.Objects, UserMetadata: m.opts.Objects,
		Directories: !m.opts.Objects, Symlinks: !m.opts.Objects,
		CaseInsensitive: m.opts.CaseInsensitive, Atomic: true, VisibleAtFinish: m.opts.VisibleAtFinish,
	}
}

// List implements [storage.Driver]. It sees the store as of the call.
func (m *Memory) List(ctx context.Context, q storage.List) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if err := m.check(OpList, ""); err != nil {
			yield(storage.Entry{}, err)
			return
		}
		for _, e := range m.snapshot(q.Prefix) {
			if err := ctx.Err(); err != nil {
				yield(storage.Entry{}, err)
				return
			}
			if err := m.check(OpList, e.Path); err != nil {
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
func (m *Memory) Stat(_ context.Context, path string) (storage.Entry, error) {
	if err := m.check(OpStat, path); err != nil {
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
	if err := m.check(OpOpen, e.Path); err != nil {
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

// Remove implements [storage.Driver].
func (m *Memory) Remove(_ context.Context, e storage.Entry) error {
	if err := m.check(OpRemove, e.Path); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if strings.HasSuffix(e.Path, "/") && !m.opts.Objects {
		for k := range m.items {
			if k != m.key(e.Path) && strings.HasPrefix(k, m.key(e.Path)) {
				return &storage.PathError{Op: string(OpRemove), Path: e.Path, Kind: storage.ErrConflict}
			}
		}
	}
	delete(m.items, m.key(e.Path))
	return nil
}

// Origin implements [storage.OriginReader].
func (m *Memory) Origin(_ context.Context, path string) (storage.Origin, bool, error) {
	if err := m.check(OpOrigin, path); err != nil {
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

// MakeSymlink implements [storage.SymlinkMaker].
func (m *Memory) MakeSymlink(_ context.Context, e storage.Entry, target string) error {
	if err := m.check(OpSymlink, e.Path); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.conflict(e.Path); err != nil {
		return err
	}
	e.Kind = storage.Symlink
	m.store(e, []byte(target), nil)
	return nil
}

// Probe implements [storage.Prober].
func (m *Memory) Probe(context.Context, bool) error { return nil }

// Sum implements [storage.Summer].
func (m *Memory) Sum(_ context.Context, e storage.Entry) (storage.Sum, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(e.Path)]
	switch {
	case m.opts.Sum == nil:
		return storage.Sum{}, nil
	case !ok:
		return storage.Sum{}, &storage.PathError{Op: "sum", Path: e.Path, Kind: storage.ErrNotExist}
	case it.entry.ETag != e.ETag:
		return storage.Sum{}, &storage.PathError{Op: "sum", Path: e.Path, Kind: storage.ErrChanged}
	}
	return m.opts.Sum(it.content), nil
}

// Sweep implements [storage.Sweeper].
func (m *Memory) Sweep(_ context.Context, alive func(string) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.stages, func(execution string, _ int) bool { return !alive(execution) })
	return nil
}

// Close implements [storage.Driver].
func (m *Memory) Close() error { return nil }

func (m *Memory) check(op Op, path string) error {
	m.mu.Lock()
	f := m.fault
	m.mu.Unlock()
	if f == nil {
		return nil
	}
	if err := f(op, path); err != nil {
		return &storage.PathError{Op: string(op), Path: path, Err: err}
	}
	return nil
}

func (m *Memory) key(path string) string {
	if m.opts.CaseInsensitive {
		return strings.ToLower(path)
	}
	return path
}

func (m *Memory) now() time.Time {
	if m.opts.Now != nil {
		return m.opts.Now()
	}
	m.ticks++
	return time.Unix(1_700_000_000+m.ticks, 0)
}

// conflict reports whether a file cannot be at path because of what is there.
func (m *Memory) conflict(path string) error {
	if m.opts.Objects {
		return nil
	}
	bad := &storage.PathError{Op: "store", Path: path, Kind: storage.ErrConflict}
	if !strings.HasSuffix(path, "/") {
		for k := range m.items {
			if strings.HasPrefix(k, m.key(path)+"/") {
				return bad
			}
		}
	} else if _, ok := m.items[m.key(strings.TrimSuffix(path, "/"))]; ok {
		return bad
	}
	for i, c := range path {
		if c == '/' {
			if _, ok := m.items[m.key(path[:i])]; ok {
				return bad
			}
		}
	}
	return nil
}

// store puts an item and, in a file store, its parents; m.mu is held.
func (m *Memory) store(e storage.Entry, content []byte, origin *storage.Origin) {
	e.Size = int64(len(content))
	switch {
	case m.opts.Objects:
		e.ETag = fmt.Sprintf(`"%016x"`, crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)))
		e.POSIX, e.ChangeTime = nil, time.Time{}
		if e.ModTime.IsZero() {
			e.ModTime = m.now()
		}
	default:
		e.Object, e.ETag, e.ChangeTime = nil, "", m.now()
		if e.ModTime.IsZero() {
			e.ModTime = e.ChangeTime
		}
		e.POSIX = m.ownership(e)
		for i, c := range e.Path {
			if c != '/' || i == len(e.Path)-1 {
				continue
			}
			if _, ok := m.items[m.key(e.Path[:i+1])]; !ok {
				m.store(storage.Entry{Path: e.Path[:i+1], Kind: storage.Dir}, nil, nil)
			}
		}
		m.touchParent(e.Path)
	}
	m.items[m.key(e.Path)] = &memItem{entry: e, content: content, origin: origin}
}

// touchParent gives the directory a new entry was made in a new mtime, as file systems do.
func (m *Memory) touchParent(path string) {
	parent := path[:strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')+1]
	if it, ok := m.items[m.key(parent)]; ok && parent != "" {
		it.entry.ModTime = m.now()
	}
}

func (m *Memory) ownership(e storage.Entry) *storage.POSIX {
	p := storage.POSIX{UID: 1000, GID: 1000, Mode: 0o644}
	if e.Kind == storage.Dir {
		p.Mode = 0o755
	}
	if old, ok := m.items[m.key(e.Path)]; ok && old.entry.POSIX != nil && e.Kind == storage.Dir {
		p = *old.entry.POSIX
	}
	if e.POSIX == nil {
		return &p
	}
	if e.POSIX.UID >= 0 {
		p.UID = e.POSIX.UID
	}
	if e.POSIX.GID >= 0 {
		p.GID = e.POSIX.GID
	}
	if e.POSIX.Mode != storage.KeepMode {
		p.Mode = e.POSIX.Mode
	}
	p.Atime = e.POSIX.Atime
	return &p
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
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if err := b.m.check(b.op, b.path); err != nil {
		return 0, err
	}
	return b.r.Read(p[:min(len(p), 32<<10)])
}

func (b *memBody) Close() error { return nil }
