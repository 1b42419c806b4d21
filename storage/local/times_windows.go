package local

import (
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// setFileTime sets the mtime of an open file.
func setFileTime(f *os.File, t time.Time) error {
	ft := windows.NsecToFiletime(t.UnixNano())
	return windows.SetFileTime(windows.Handle(f.Fd()), nil, nil, &ft)
}
