package stack

import (
	"io"

	"github.com/hikyaku/hikyaku/console"
)

// ReadReport is the parser of reports.
func ReadReport(r io.Reader, kind string, fn func(console.File) error) error {
	return readReport(r, kind, fn)
}

// ReportKind is the parser of their names.
func ReportKind(key string) (string, bool) { return reportKind(key) }

// PagedFiles reads reports as if they were too large to be merged.
func PagedFiles(s *Stack) console.FileLister {
	l, _ := s.Files().(fileLister)
	l.mergedUpTo = 0
	return l
}
