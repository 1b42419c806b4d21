package storagetest

import (
	"context"
	"fmt"
	"hash/crc64"
	"maps"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Remove implements [storage.Driver].
func (m *Memory) Remove(ctx context.Context, e storage.Entry) error {
	if err := m.check(ctx, OpRemove, e.Path); err != nil {
		return err
	}
	name := e.Path
	if e.Kind == storage.Dir {
		name = strings.TrimSuffix(name, "/")
	}
	if !m.representable(name) {
		return &storage.PathError{Op: string(OpRemove), Path: e.Path, Kind: storage.ErrName}
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

// MakeSymlink implements [storage.SymlinkMaker].
func (m *Memory) MakeSymlink(ctx context.Context, e storage.Entry, target string) error {
	if err := m.check(ctx, OpSymlink, e.Path); err != nil {
		return err
	}
	if !m.representable(e.Path) {
		return &storage.PathError{Op: string(OpSymlink), Path: e.Path, Kind: storage.ErrName}
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

// Sweep implements [storage.Sweeper].
func (m *Memory) Sweep(_ context.Context, alive func(string) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.stages, func(execution string, _ int) bool {
		return !strings.HasPrefix(execution, storage.OneOff) && !alive(execution)
	})
	return nil
}

// Limits of a path in bytes: those of Linux for a file store, those of Amazon
// S3 for an object store.
const (
	maxFileName  = 255
	maxFilePath  = 4095
	maxObjectKey = 1024
)

// representable tells whether the store can hold a file named path.
func (m *Memory) representable(path string) bool {
	limit := maxFilePath
	if m.opts.Objects {
		limit = maxObjectKey
	}
	if len(path) > limit || path == storage.WorkFolder || strings.HasPrefix(path, storage.WorkFolder+"/") {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) || !m.opts.Objects && len(part) > maxFileName {
			return false
		}
	}
	return true
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
