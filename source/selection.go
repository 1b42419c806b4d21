package source

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/hikyaku/hikyaku"
)

// splitBucket takes "s3://bucket/prefix" apart; the prefix is empty or ends in
// "/". It is not ok for any other kind of source.
func splitBucket(source string) (bucket, prefix string, ok bool) {
	rest, ok := strings.CutPrefix(source, "s3://")
	if !ok {
		return "", "", false
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix, bucket != ""
}

// selection is the part of a bucket that an ID stands for.
type selection struct {
	// base is the key of the object, or the folder without its last slash.
	base string
	// folderOnly: an object named base is not selected.
	folderOnly bool
}

// selectionOf turns the route's include ("/{id}/*", "/{id}", perhaps below
// fixed folders) into keys. Unlike in a filter nothing is escaped: a listing's
// prefix has no wildcards.
func selectionOf(r hikyaku.Route, prefix, id string) (selection, error) {
	pattern, folderOnly := strings.CutSuffix(strings.TrimPrefix(r.Include, "/"), "/*")
	before, after, found := strings.Cut(pattern, "{id}")
	after = strings.TrimSuffix(after, "/")
	switch {
	case !found, strings.Contains(after, "{id}"), strings.ContainsAny(before+after, `*|\`), id == "":
		return selection{}, &hikyaku.Error{
			Kind: hikyaku.KindInvalid, Op: "look at source of route", Subject: r.Name,
			Message: "its include " + r.Include + ` selects no ID: it must be like "/{id}/*" or "/{id}"`,
		}
	}
	return selection{base: prefix + before + id + after, folderOnly: folderOnly}, nil
}

// marker is the key of the route's ready marker.
func (s selection) marker(name string) string {
	if name == "" {
		return ""
	}
	return s.base + "/" + strings.TrimPrefix(name, "/")
}

// clean drops the slashes around paths, what is listed twice and what lies
// below another one of them.
func clean(paths []string) []string {
	var kept []string
	for _, path := range paths {
		path = strings.Trim(path, "/")
		if path != "" {
			kept = append(kept, path)
		}
	}
	selects := pathFilter(kept)
	seen := make(map[string]bool, len(kept))
	out := kept[:0]
	for _, path := range kept {
		parent := path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			parent = path[:i]
		}
		if seen[path] || parent != path && selects(parent) {
			continue
		}
		seen[path] = true
		out = append(out, path)
	}
	return out
}

// pathFilter returns whether a path is one of paths or lies below one.
func pathFilter(paths []string) func(string) bool {
	set := make(map[string]struct{}, len(paths))
	for _, path := range paths {
		set[path] = struct{}{}
	}
	return func(path string) bool {
		for {
			if _, ok := set[path]; ok {
				return true
			}
			i := strings.LastIndexByte(path, '/')
			if i < 0 {
				return false
			}
			path = path[:i]
		}
	}
}

// neverCopied reports what DataSync leaves out without being asked. path is
// relative to the location and begins with "/".
func neverCopied(path string) bool {
	if strings.HasSuffix(path, ".snapshot") || strings.Contains(path, ".snapshot/") {
		return true
	}
	for _, dir := range [...]string{"/.aws-datasync", "/.awssync", "/.zfs"} {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// decode undoes the encoding the keys of a reply are in. Keys are asked for
// encoded, because XML cannot carry all of them; a server may ignore that, and
// says so by leaving the encoding out.
func decode(key string, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return key, nil
	}
	return url.QueryUnescape(key)
}
