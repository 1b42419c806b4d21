package s3

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku/storage"
)

// pathReason says why path (without a directory's trailing slash) is none, or
// "". Only what would be another path, or leave the root, elsewhere is
// refused here; limits of the store that receives it are that store's.
func pathReason(path string) string {
	if strings.IndexByte(path, 0) >= 0 {
		return "NUL byte in name"
	}
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		switch name {
		case "":
			return "empty path component"
		case ".", "..":
			return "path component " + name
		}
	}
	return ""
}

// inWorkFolder reports whether path is the work folder or lies below it.
func inWorkFolder(path string) bool {
	rest, ok := strings.CutPrefix(path, storage.WorkFolder)
	return ok && (rest == "" || rest[0] == '/')
}

// key returns the key of a path, or why there can be none.
func (d *Driver) key(op, path string, dir bool) (string, error) {
	trimmed := path
	if dir {
		trimmed = strings.TrimSuffix(path, "/")
	}
	reason := pathReason(trimmed)
	switch {
	case reason != "":
	case inWorkFolder(path):
		reason = "reserved for hikyaku's work folder"
	case !utf8.ValidString(path):
		reason = "not valid UTF-8"
	case len(d.opts.Prefix)+len(path) > maxKey:
		reason = "key longer than 1024 bytes"
	}
	if reason != "" {
		return "", &storage.PathError{Op: op, Path: path, Kind: storage.ErrName, Err: errors.New(reason)}
	}
	if dir {
		return d.opts.Prefix + trimmed + "/", nil
	}
	return d.opts.Prefix + trimmed, nil
}

// Characters that stay as they are in a path or query, by RFC 3986 and SigV4.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// escapePath escapes everything but unreserved characters and slashes.
func escapePath(s string) string { return escape(s, true) }

// escapeQuery escapes everything but unreserved characters.
func escapeQuery(s string) string { return escape(s, false) }

func escape(s string, slashes bool) string {
	n := 0
	for i := range len(s) {
		if !unreserved(s[i]) && (s[i] != '/' || !slashes) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		c := s[i]
		if unreserved(c) || c == '/' && slashes {
			b = append(b, c)
			continue
		}
		b = append(b, '%', hex[c>>4], hex[c&15])
	}
	return string(b)
}
