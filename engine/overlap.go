package engine

import "strings"

// guardOverlap refuses a run whose one side lies in the other, unless the
// filters leave the inner side out: it would copy what it has just written, or
// overwrite and delete what it is to read.
func (r *run) guardOverlap() error {
	a, b := r.srcP.Root, r.dstP.Root
	switch {
	case a == "" || b == "":
		return nil
	case a == b:
		return invalid("source and destination are the same place: %s", r.dstP.Name)
	case strings.HasPrefix(b, a) && r.sel.reaches(b[len(a):]):
		return invalid("destination %s lies in source %s; exclude it", r.dstP.Name, r.srcP.Name)
	case strings.HasPrefix(a, b) && r.sel.reaches(a[len(b):]):
		return invalid("source %s lies in destination %s; exclude it", r.srcP.Name, r.dstP.Name)
	}
	return nil
}

// reaches reports whether the directory dir ("a/b/") or anything in it may be
// selected.
func (s selection) reaches(dir string) bool {
	if s.excludes.Match(dir, true) || alwaysExcluded(dir) {
		return false
	}
	for _, r := range s.includes.ranges() {
		if strings.HasPrefix(r.prefix, dir) || strings.HasPrefix(dir, r.prefix) && (!r.exact || r.prefix+"/" == dir) {
			return true
		}
	}
	return false
}
