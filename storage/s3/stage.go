package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// abortTimeout bounds the clean-up of one upload after its context ended.
const abortTimeout = 30 * time.Second

// Stage writes on behalf of one execution. It has no work folder: objects are
// in memory or in multipart uploads until they are finished.
type Stage struct {
	driver *Driver
	keep   bool // KeepExisting

	mu      sync.Mutex
	closed  bool
	uploads map[*largeFile]struct{}
}

// Stage begins writing.
func (d *Driver) Stage(ctx context.Context, execution string) (storage.Stage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !validExecution(execution) {
		return nil, &storage.PathError{Op: "stage", Path: execution, Kind: storage.ErrName, Err: errors.New("not a name of letters, digits and -")}
	}
	return &Stage{driver: d, uploads: make(map[*largeFile]struct{})}, nil
}

func validExecution(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

var errClosed = errors.New("stage is closed")

// Create prepares an object; nothing is sent yet.
func (s *Stage) Create(ctx context.Context, e storage.Entry) (storage.StagedFile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d := s.driver
	key, err := d.key("create", e.Path, false)
	if err != nil {
		return nil, err
	}
	if e.Size < 0 || e.Size > maxObject {
		return nil, &storage.PathError{Op: "create", Path: e.Path, Err: fmt.Errorf("no object can have %d bytes", e.Size)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, pathError("create", e.Path, errClosed)
	}
	if e.Size <= d.opts.PartSize {
		return &smallFile{object: object{stage: s, key: key, path: e.Path, size: e.Size, meta: e.Object}}, nil
	}
	f := &largeFile{
		object: object{stage: s, key: key, path: e.Path, size: e.Size, meta: e.Object},
		part:   partSizeFor(e.Size, d.opts.PartSize), parts: make(map[int]part),
	}
	s.uploads[f] = struct{}{}
	return f, nil
}

// partSizeFor returns the part size for an object of size bytes: the usual
// one, or as many MiB as keep the parts within S3's number.
func partSizeFor(size, usual int64) int64 {
	const unit = 1 << 20
	if needed := (size + maxParts - 1) / maxParts; needed > usual {
		return (needed + unit - 1) / unit * unit
	}
	return usual
}

// forget takes a finished or discarded upload off the list that Close aborts.
func (s *Stage) forget(f *largeFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, f)
}

// Sync does nothing: what S3 has acknowledged is durable.
func (s *Stage) Sync(ctx context.Context, _ []storage.StagedFile) error { return ctx.Err() }

// Publish consumes the files: Finish has published them.
func (s *Stage) Publish(_ context.Context, files []storage.StagedFile) []error {
	errs := make([]error, len(files))
	for i, f := range files {
		o, err := s.own(f)
		if err == nil {
			err = o.publish()
		}
		errs[i] = err
	}
	return errs
}

// own returns what f has of this stage.
func (s *Stage) own(f storage.StagedFile) (*object, error) {
	var o *object
	switch f := f.(type) {
	case *smallFile:
		o = &f.object
	case *largeFile:
		o = &f.object
	}
	if o == nil || o.stage != s {
		return nil, errors.New("file of another stage")
	}
	return o, nil
}

// MakeDir writes a directory's marker, an empty object whose key ends in "/".
func (s *Stage) MakeDir(ctx context.Context, e storage.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	key, err := s.driver.key("make directory", e.Path, true)
	if err != nil {
		return err
	}
	h := make(http.Header)
	setObject(h, e.Object)
	_, err = s.driver.discard(ctx, request{method: http.MethodPut, key: key, header: h})
	return pathError("make directory", e.Path, err)
}

// Close aborts the uploads that are under way.
func (s *Stage) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	uploads := s.uploads
	s.uploads = nil
	s.mu.Unlock()
	var errs []error
	for f := range uploads {
		errs = append(errs, f.Discard(ctx))
	}
	return errors.Join(errs...)
}
