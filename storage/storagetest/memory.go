package storagetest

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

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
	OpSum      Op = "sum"
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
	// PartSize, MaxFile, CaseInsensitive and Normalizes go to the properties.
	PartSize, MaxFile int64
	CaseInsensitive   bool
	Normalizes        bool
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
	_ storage.Normalizer   = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory(opts MemoryOptions) *Memory {
	return &Memory{opts: opts, items: map[string]*memItem{}, stages: map[string]int{}}
}

// Properties implements [storage.Driver].
func (m *Memory) Properties() storage.Properties {
	return storage.Properties{
		Scheme: "memory", Name: "memory", Root: m.opts.Root,
		PartSize: m.opts.PartSize, MaxFile: m.opts.MaxFile,
		POSIXMetadata: !m.opts.Objects, UserMetadata: m.opts.Objects,
		Directories: !m.opts.Objects, Symlinks: !m.opts.Objects,
		CaseInsensitive: m.opts.CaseInsensitive, Normalizes: m.opts.Normalizes, Atomic: true, VisibleAtFinish: m.opts.VisibleAtFinish,
	}
}

// Probe implements [storage.Prober].
func (m *Memory) Probe(context.Context, bool) error { return nil }

// Close implements [storage.Driver].
func (m *Memory) Close() error { return nil }

// check is the beginning of every step: a cancelled context ends it, and so
// does the fault.
func (m *Memory) check(ctx context.Context, op Op, path string) error {
	if err := ctx.Err(); err != nil {
		return &storage.PathError{Op: string(op), Path: path, Err: err}
	}
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
	if m.opts.Normalizes {
		path = m.Normal(path)
	}
	if m.opts.CaseInsensitive {
		return strings.ToLower(path)
	}
	return path
}

// Normal implements [storage.Normalizer].
func (*Memory) Normal(name string) string { return norm.NFC.String(name) }

func (m *Memory) now() time.Time {
	if m.opts.Now != nil {
		return m.opts.Now()
	}
	m.ticks++
	return time.Unix(1_700_000_000+m.ticks, 0)
}
