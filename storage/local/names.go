package local

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// Limits of names, in bytes: what Linux file systems take.
const (
	maxComponent = 255
	maxPath      = 4096
)

// checkPath says why p cannot be a path here, or nil. Directories may have
// their trailing slash.
func (d *Driver) checkPath(op, p string, dir bool) error {
	reason := ""
	trimmed := p
	if dir {
		trimmed = strings.TrimSuffix(p, "/")
	}
	switch {
	case trimmed == "":
		reason = "empty path"
	case len(trimmed) > maxPath:
		reason = "path longer than 4096 bytes"
	default:
		rest := trimmed
		for rest != "" || reason == "" {
			name, tail, more := strings.Cut(rest, "/")
			if reason = componentReason(name); reason != "" || !more {
				break
			}
			rest = tail
		}
		if reason == "" && d.inWorkFolder(trimmed) {
			reason = "reserved for hikyaku's work folder"
		}
	}
	if reason == "" {
		return nil
	}
	return &storage.PathError{Op: op, Path: p, Kind: storage.ErrName, Err: errors.New(reason)}
}

// componentReason says why name cannot be one component of a path, or "".
func componentReason(name string) string {
	switch {
	case name == "":
		return "empty path component"
	case name == "." || name == "..":
		return "path component " + name
	case len(name) > maxComponent:
		return "path component longer than 255 bytes"
	case strings.IndexByte(name, 0) >= 0:
		return "NUL byte in name"
	}
	return platformReason(name)
}

// inWorkFolder reports whether p is the work folder or lies below it.
func (d *Driver) inWorkFolder(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	if d.props.CaseInsensitive {
		return strings.EqualFold(first, storage.WorkFolder)
	}
	return first == storage.WorkFolder
}

// split cuts a path without trailing slash into its folder ("" is the root)
// and last component.
func split(p string) (folder, name string) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return "", p
	}
	return p[:i], p[i+1:]
}

// rootName is the folder's path with symbolic links resolved as far as it
// exists, in the form of [storage.Properties.Root].
func rootName(abs string) string {
	exists, rest := abs, ""
	for {
		if resolved, err := filepath.EvalSymlinks(exists); err == nil {
			exists = resolved
			break
		}
		parent := filepath.Dir(exists)
		if parent == exists {
			break
		}
		exists, rest = parent, filepath.Join(filepath.Base(exists), rest)
	}
	name := "file:" + filepath.ToSlash(filepath.Join(exists, rest))
	if caseInsensitive(abs) {
		name = strings.ToLower(name)
	}
	return strings.TrimSuffix(name, "/") + "/"
}

// caseInsensitive looks, without writing, whether names that differ in case
// are one file: by a name inside the folder, or the folder's own.
func caseInsensitive(abs string) bool {
	if f, err := os.Open(abs); err == nil { //nolint:gosec // the operator's own choice of root
		names, _ := f.Readdirnames(64)
		_ = f.Close()
		for _, n := range names {
			if swapped := swapCase(n); swapped != n {
				return sameFile(filepath.Join(abs, n), filepath.Join(abs, swapped))
			}
		}
	}
	for p := abs; p != filepath.Dir(p); p = filepath.Dir(p) {
		base := filepath.Base(p)
		if _, err := os.Lstat(p); err != nil {
			continue
		}
		if swapped := swapCase(base); swapped != base {
			return sameFile(p, filepath.Join(filepath.Dir(p), swapped))
		}
	}
	return false
}

func sameFile(a, b string) bool {
	ai, aerr := os.Lstat(a)
	bi, berr := os.Lstat(b)
	return aerr == nil && berr == nil && os.SameFile(ai, bi)
}

// swapCase turns ASCII letters into the other case.
func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 32
		case r >= 'A' && r <= 'Z':
			return r + 32
		}
		return r
	}, s)
}
