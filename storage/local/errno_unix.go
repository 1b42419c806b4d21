//go:build unix

package local

import (
	"errors"
	"syscall"

	"github.com/hikyaku/hikyaku/storage"
)

func kindOfErrno(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	switch errno { //nolint:exhaustive // the others have no sentinel
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return storage.ErrNoSpace
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return storage.ErrDenied
	case syscall.ENOENT:
		return storage.ErrNotExist
	case syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, syscall.ELOOP:
		return storage.ErrName
	case syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.ENOTEMPTY:
		return storage.ErrConflict
	case syscall.ESTALE, syscall.EAGAIN, syscall.EINTR, syscall.EMFILE, syscall.ENFILE,
		syscall.ETIMEDOUT, syscall.EBUSY, syscall.ENOMEM, syscall.ETXTBSY:
		return storage.ErrTransient
	}
	return nil
}
