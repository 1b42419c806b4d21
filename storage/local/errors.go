package local

import (
	"context"
	"errors"
	"io/fs"

	"github.com/hikyaku/hikyaku/storage"
)

// pathError gives err its operation, path and kind. Errors that already have
// them, and those of a context, pass as they are.
func pathError(op, path string, err error) error {
	var own *storage.PathError
	if err == nil || errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &storage.PathError{Op: op, Path: path, Kind: kindOf(err), Err: bare(err)}
}

// bare drops the path that package os adds: the caller's is the better one.
func bare(err error) error {
	if pe, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost layer is dropped
		return pe.Err
	}
	return err
}

// kindOf maps an operating system's error to a sentinel, or nil.
func kindOf(err error) error {
	if kind := kindOfErrno(err); kind != nil {
		return kind
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return storage.ErrNotExist
	case errors.Is(err, fs.ErrPermission):
		return storage.ErrDenied
	}
	return nil
}
