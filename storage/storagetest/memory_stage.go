package storagetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

type memStage struct {
	m         *Memory
	execution string
	keep      bool
}

// KeepExisting implements [storage.Keeper].
func (s *memStage) KeepExisting() { s.keep = true }

// Stage implements [storage.Driver].
func (m *Memory) Stage(ctx context.Context, execution string) (storage.Stage, error) {
	if err := m.check(ctx, OpStage, execution); err != nil {
		return nil, err
	}
	if !validExecution(execution) {
		return nil, &storage.PathError{Op: string(OpStage), Path: execution, Kind: storage.ErrName}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stages[execution] = 0
	return &memStage{m: m, execution: execution}, nil
}

// validExecution tells whether name holds letters, digits and "-" only.
func validExecution(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return name != ""
}

func (s *memStage) Create(ctx context.Context, e storage.Entry) (storage.StagedFile, error) {
	if err := s.m.check(ctx, OpCreate, e.Path); err != nil {
		return nil, err
	}
	if !s.m.representable(e.Path) {
		return nil, &storage.PathError{Op: string(OpCreate), Path: e.Path, Kind: storage.ErrName}
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if err := s.m.conflict(e.Path); err != nil {
		return nil, err
	}
	s.m.stages[s.execution]++
	return &memFile{s: s, entry: e, content: make([]byte, e.Size)}, nil
}

func (s *memStage) Sync(ctx context.Context, files []storage.StagedFile) error {
	if len(files) == 0 {
		return nil
	}
	first, ok := files[0].(*memFile)
	if !ok {
		return fmt.Errorf("sync: foreign staged file %T", files[0])
	}
	return s.m.check(ctx, OpSync, first.entry.Path)
}

func (s *memStage) Publish(ctx context.Context, files []storage.StagedFile) []error {
	errs := make([]error, len(files))
	for i, f := range files {
		mf, ok := f.(*memFile)
		if !ok {
			errs[i] = fmt.Errorf("publish: foreign staged file %T", f)
			continue
		}
		errs[i] = mf.publish(ctx)
	}
	return errs
}

func (s *memStage) MakeDir(ctx context.Context, e storage.Entry) error {
	if err := s.m.check(ctx, OpMakeDir, e.Path); err != nil {
		return err
	}
	if !s.m.representable(strings.TrimSuffix(e.Path, "/")) {
		return &storage.PathError{Op: string(OpMakeDir), Path: e.Path, Kind: storage.ErrName}
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if err := s.m.conflict(e.Path); err != nil {
		return err
	}
	e.Kind = storage.Dir
	if old, ok := s.m.items[s.m.key(e.Path)]; ok && !s.m.opts.Objects {
		if !e.ModTime.IsZero() {
			old.entry.ModTime = e.ModTime
		}
		old.entry.POSIX = s.m.ownership(e)
		return nil
	}
	s.m.store(e, nil, nil)
	return nil
}

func (s *memStage) Close(context.Context) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	delete(s.m.stages, s.execution)
	return nil
}

var _ storage.PartSizer = (*memFile)(nil)

type memFile struct {
	s       *memStage
	entry   storage.Entry
	content []byte
	origin  storage.Origin

	mu       sync.Mutex
	parts    map[int64]int64
	finished bool
	done     bool
}

// PartSize implements [storage.PartSizer].
func (f *memFile) PartSize() int64 {
	opts, size := f.s.m.opts, int64(len(f.content))
	if opts.MaxParts == 0 {
		return opts.PartSize
	}
	return max(opts.PartSize, (size+opts.MaxParts-1)/opts.MaxParts)
}

func (f *memFile) WritePart(ctx context.Context, offset, size int64, r io.Reader) error {
	m := f.s.m
	if err := m.check(ctx, OpWrite, f.entry.Path); err != nil {
		return err
	}
	if offset < 0 || offset+size > int64(len(f.content)) {
		return fmt.Errorf("write part at %d of %d bytes: beyond size %d", offset, size, len(f.content))
	}
	if ps := f.PartSize(); ps > 0 && (offset%ps != 0 || size > ps || (size < ps && offset+size != int64(len(f.content)))) {
		return fmt.Errorf("write part at %d of %d bytes: not a part of size %d", offset, size, ps)
	}
	if _, err := io.ReadFull(r, f.content[offset:offset+size]); err != nil {
		return fmt.Errorf("write part at %d: %w", offset, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parts == nil {
		f.parts = map[int64]int64{}
	}
	f.parts[offset] = size
	return nil
}

func (f *memFile) Finish(ctx context.Context, e storage.Entry, origin storage.Origin, _ storage.Sum) error {
	m := f.s.m
	if err := m.check(ctx, OpFinish, f.entry.Path); err != nil {
		return err
	}
	var total int64
	for _, n := range f.parts {
		total += n
	}
	if total != int64(len(f.content)) || len(f.parts) == 0 {
		return fmt.Errorf("finish %q: %d of %d bytes written in %d parts", f.entry.Path, total, len(f.content), len(f.parts))
	}
	m.mu.Lock()
	tamper := m.tamper
	m.mu.Unlock()
	if tamper != nil {
		f.content = tamper(f.entry.Path, f.content)
	}
	f.entry, f.origin = e, origin
	if !m.opts.VisibleAtFinish {
		f.finished = true
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err := f.place()
	f.finished = err == nil
	return err
}

// place stores the file at its final name; Memory.mu is held.
func (f *memFile) place() error {
	m := f.s.m
	if err := m.conflict(f.entry.Path); err != nil {
		return err
	}
	if _, taken := m.items[m.key(f.entry.Path)]; taken && f.s.keep {
		return &storage.PathError{Op: string(OpPublish), Path: f.entry.Path, Kind: storage.ErrExists}
	}
	f.entry.Kind = storage.File
	if m.opts.Objects {
		f.entry.ModTime = m.now()
	}
	var origin *storage.Origin
	if f.origin.Size != 0 || f.origin.ETag != "" || !f.origin.ModTime.IsZero() {
		origin = &f.origin
	}
	m.store(f.entry, f.content, origin)
	return nil
}

func (f *memFile) ReadBack(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if err := f.s.m.check(ctx, OpReadBack, f.entry.Path); err != nil {
		return nil, err
	}
	if !f.finished || f.done {
		return nil, fmt.Errorf("read back %q: not between finish and publish", f.entry.Path)
	}
	if length < 0 {
		length = int64(len(f.content)) - offset
	}
	if offset+length > int64(len(f.content)) {
		return nil, &storage.PathError{Op: string(OpReadBack), Path: f.entry.Path, Err: io.ErrUnexpectedEOF}
	}
	return &memBody{ctx: ctx, m: f.s.m, path: f.entry.Path, op: OpReadBack, r: bytes.NewReader(f.content[offset : offset+length])}, nil
}

func (f *memFile) publish(ctx context.Context) error {
	m := f.s.m
	err := m.check(ctx, OpPublish, f.entry.Path)
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.done {
		return fmt.Errorf("publish %q: used before", f.entry.Path)
	}
	f.release()
	switch {
	case err != nil:
		return err
	case !f.finished:
		return fmt.Errorf("publish %q: not finished", f.entry.Path)
	}
	if m.opts.VisibleAtFinish {
		return nil
	}
	return f.place()
}

func (f *memFile) Discard(ctx context.Context) error {
	if err := f.s.m.check(ctx, OpDiscard, f.entry.Path); err != nil {
		return err
	}
	f.s.m.mu.Lock()
	defer f.s.m.mu.Unlock()
	if f.done {
		return nil
	}
	f.release()
	if f.finished && f.s.m.opts.VisibleAtFinish {
		delete(f.s.m.items, f.s.m.key(f.entry.Path))
	}
	return nil
}

// release ends the file's being staged; Memory.mu is held.
func (f *memFile) release() {
	f.done = true
	if _, ok := f.s.m.stages[f.s.execution]; ok {
		f.s.m.stages[f.s.execution]--
	}
}
