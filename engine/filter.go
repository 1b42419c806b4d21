package engine

import (
	"fmt"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// maxFilter is DataSync's longest filter value in characters.
const maxFilter = 102_400

// Filter is a parsed DataSync filter (SIMPLE_PATTERN). The zero value has no
// patterns and matches nothing; see [Filter.Empty].
//
// Patterns are joined by "|". "*" stands for any characters, "/" included; a
// backslash escapes "*", "|" and itself and is ignored elsewhere. A pattern
// is matched against the whole path from the location's root, case
// sensitively; "/dir", "/dir/" and "dir" are the same: that item and, if it
// is a directory, everything in it.
type Filter struct {
	patterns []pattern
	include  bool
}

// pattern is a path, beginning with "/" unless a star leads, cut at its stars.
type pattern struct{ parts []string }

// ParseFilter parses a filter's value; an empty value is an empty filter.
// include says that it is an Includes value, which takes "*" only at a
// pattern's end.
func ParseFilter(value string, include bool) (Filter, error) {
	f := Filter{include: include}
	if value == "" {
		return f, nil
	}
	if len(value) > maxFilter && len([]rune(value)) > maxFilter {
		return f, fmt.Errorf("filter is longer than %d characters", maxFilter)
	}
	if strings.ContainsRune(value, 0) {
		return f, fmt.Errorf("filter contains a NUL")
	}
	for _, text := range splitPatterns(value) {
		p, err := parsePattern(text, include)
		if err != nil {
			return Filter{include: include}, err
		}
		f.patterns = append(f.patterns, p)
	}
	return f, nil
}

// splitPatterns cuts at unescaped pipes and keeps the escapes.
func splitPatterns(value string) []string {
	var out []string
	start := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '|':
			out = append(out, value[start:i])
			start = i + 1
		}
	}
	return append(out, value[start:])
}

func parsePattern(text string, include bool) (pattern, error) {
	if text == "" {
		return pattern{}, fmt.Errorf("filter contains an empty pattern")
	}
	var p pattern
	var lit strings.Builder
	if text[0] != '/' && text[0] != '*' {
		lit.WriteByte('/')
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			if i++; i < len(text) {
				lit.WriteByte(text[i])
			}
		case c != '*':
			lit.WriteByte(c)
		case include && strings.Trim(text[i:], "*") != "":
			return pattern{}, fmt.Errorf("include pattern %q: \"*\" is allowed only as the last character", text)
		default:
			p.parts = append(p.parts, lit.String())
			lit.Reset()
		}
	}
	last := strings.TrimRight(lit.String(), "/")
	if len(p.parts) == 0 && last == "" { // "/": the root and everything in it
		return pattern{parts: []string{"/", ""}}, nil
	}
	p.parts = append(p.parts, last)
	return p, nil
}

// Empty reports whether the filter has no patterns.
func (f Filter) Empty() bool { return len(f.patterns) == 0 }

// Match reports whether a pattern matches the item or a directory above it.
// path is relative to the location's root, as in [storage.Entry]; a trailing
// slash makes no difference, dir says whether it is a directory. An include
// filter also takes the directory whose contents it names ("/a/*" takes "a/").
func (f Filter) Match(path string, dir bool) bool {
	if len(f.patterns) == 0 {
		return false
	}
	subject := "/" + strings.TrimSuffix(path, "/")
	for _, p := range f.patterns {
		if p.matchTree(subject) {
			return true
		}
		if f.include && dir && p.match(subject+"/") {
			return true
		}
	}
	return false
}

// matchTree matches the subject or one of the directories it lies in.
func (p pattern) matchTree(subject string) bool {
	if !strings.HasPrefix(subject, p.parts[0]) {
		return false
	}
	if p.match(subject) {
		return true
	}
	for i := max(1, len(p.parts[0])); i < len(subject); i++ {
		if subject[i] == '/' && p.match(subject[:i]) {
			return true
		}
	}
	return false
}

// match matches the whole subject.
func (p pattern) match(subject string) bool {
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if len(p.parts) == 1 {
		return subject == first
	}
	if len(subject) < len(first)+len(last) || !strings.HasPrefix(subject, first) || !strings.HasSuffix(subject, last) {
		return false
	}
	middle := subject[len(first) : len(subject)-len(last)]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		i := strings.Index(middle, part)
		if i < 0 {
			return false
		}
		middle = middle[i+len(part):]
	}
	return true
}

// alwaysExcluded reports the paths DataSync leaves out without being asked,
// and our own work folder.
func alwaysExcluded(path string) bool {
	for _, name := range [...]string{".aws-datasync", ".awssync", ".zfs", storage.WorkFolder} {
		if rest, ok := strings.CutPrefix(path, name); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	const snapshot = ".snapshot"
	for rest := path; ; {
		i := strings.Index(rest, snapshot)
		if i < 0 {
			return false
		}
		rest = rest[i+len(snapshot):]
		if rest == "" || rest[0] == '/' {
			return true
		}
	}
}

// selection is what a run looks at: included and not excluded.
type selection struct {
	includes, excludes Filter
}
