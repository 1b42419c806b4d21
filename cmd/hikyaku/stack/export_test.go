package stack

import "github.com/hikyaku/hikyaku/console"

// ReadReport and ReportKind are the parser of reports and of their names.
var (
	ReadReport = readReport
	ReportKind = reportKind
)

// PagedFiles reads reports as if they were too large to be merged.
func PagedFiles(s *Stack) console.FileLister {
	l, _ := s.Files().(fileLister)
	l.mergedUpTo = 0
	return l
}
