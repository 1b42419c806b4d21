package local

import (
	"errors"
	"syscall"

	"golang.org/x/sys/windows"

	"github.com/hikyaku/hikyaku/storage"
)

func kindOfErrno(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	switch errno {
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED:
		return storage.ErrNoSpace
	case windows.ERROR_ACCESS_DENIED, windows.ERROR_WRITE_PROTECT, windows.ERROR_PRIVILEGE_NOT_HELD:
		return storage.ErrDenied
	case windows.ERROR_FILE_NOT_FOUND, windows.ERROR_PATH_NOT_FOUND:
		return storage.ErrNotExist
	case windows.ERROR_INVALID_NAME, windows.ERROR_FILENAME_EXCED_RANGE, windows.ERROR_BAD_PATHNAME:
		return storage.ErrName
	case windows.ERROR_DIRECTORY, windows.ERROR_DIR_NOT_EMPTY, windows.ERROR_ALREADY_EXISTS, windows.ERROR_FILE_EXISTS,
		syscall.EISDIR:
		return storage.ErrConflict
	case windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_BUSY, windows.ERROR_NETNAME_DELETED:
		return storage.ErrTransient
	}
	return nil
}
