package storage

import (
	"strconv"
	"strings"
)

// quoted returns a path for messages: as it is when plain, else quoted, so
// that control characters and invalid UTF-8 never reach a terminal or log raw.
func quoted(p string) string {
	if p == "" {
		return "/"
	}
	if q := strconv.Quote(p); q[1:len(q)-1] != p || strings.ContainsRune(p, ' ') {
		return q
	}
	return p
}
