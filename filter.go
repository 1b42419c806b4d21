package hikyaku

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const placeholder = "{id}"

// Filter returns the value of DataSync's include filter that selects what
// belongs to id on the route, narrowed to paths below it (nil is all of it).
// Errors carry CodePathRefused, CodeFilterTooLong or CodeRouteInvalid.
func Filter(r Route, id string, paths []string) (string, error) {
	if err := checkInclude(r.Include); err != nil {
		return "", err
	}
	base := strings.Replace(r.Include, placeholder, escapeFilter(id), 1)
	if len(paths) == 0 {
		return limitFilter(base)
	}
	folder := strings.TrimSuffix(strings.TrimSuffix(base, "*"), "/") + "/"
	var b strings.Builder
	for i, p := range paths {
		if reason := refusePath(p); reason != "" {
			return "", NewError(CodePathRefused, "build filter", quote(p), reason)
		}
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(folder)
		b.WriteString(escapeFilter(p))
	}
	return limitFilter(b.String())
}

func limitFilter(s string) (string, error) {
	if n := utf8.RuneCountInString(s); n > MaxFilter {
		return "", NewError(CodeFilterTooLong, "build filter", "", "")
	}
	return s, nil
}

// escapeFilter makes a text stand for itself in a filter.
func escapeFilter(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `|`, `\|`).Replace(s)
}

func refusePath(p string) string {
	switch {
	case p == "":
		return "it is empty"
	case !utf8.ValidString(p):
		return "it is not UTF-8"
	case strings.ContainsFunc(p, unicode.IsControl):
		return "it contains a control character"
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." {
			return `it has an empty, "." or ".." part`
		}
	}
	return ""
}

// checkInclude refuses templates that could select another ID's files.
func checkInclude(include string) error {
	head, tail, reason := splitTemplate(include)
	switch {
	case reason != "":
	case !strings.HasPrefix(head, "/"):
		reason = `it must begin with "/"`
	case strings.Contains(head, "*"):
		reason = "a * may only be its last character"
	case strings.Contains(tail, "*") && !strings.HasSuffix(tail, "/*"):
		reason = "a * may only follow a /, or A-1 would match A-12"
	case strings.Count(tail, "*") > 1:
		reason = "a * may only be its last character"
	}
	if reason != "" {
		return NewError(CodeRouteInvalid, "check route", "include "+quote(include), reason)
	}
	return nil
}

// splitTemplate cuts a template at its {id}.
func splitTemplate(template string) (head, tail, reason string) {
	head, tail, ok := strings.Cut(template, placeholder)
	switch {
	case !ok:
		return "", "", "it must contain {id}"
	case strings.Contains(tail, placeholder):
		return "", "", "it contains {id} twice"
	case strings.ContainsAny(template, `\|`) || strings.ContainsFunc(template, unicode.IsControl):
		return "", "", `it contains \, | or a control character`
	}
	return head, tail, ""
}

// checkKeyPattern refuses patterns that do not give one ID per key.
func checkKeyPattern(pattern string) error {
	head, tail, reason := splitTemplate(pattern)
	switch {
	case reason != "":
	case strings.Contains(head, "*"), strings.Count(tail, "*") > 1:
		reason = "a * may only be its last character"
	case strings.Contains(tail, "*") && !strings.HasSuffix(tail, "/*"):
		reason = "a * may only follow a /"
	}
	if reason != "" {
		return NewError(CodeRouteInvalid, "check route", "key_pattern "+quote(pattern), reason)
	}
	return nil
}

// IDOfKey takes the ID out of an object's key (decoded, without the bucket)
// by the route's KeyPattern; ok is false if the key does not match. {id} stands
// for the longest text that IDPattern accepts; if it accepts none, for the text
// up to the next "/", so that CheckID can say what is wrong with it.
func (r Route) IDOfKey(key string) (id string, ok bool) {
	if r.KeyPattern == "" {
		return "", false
	}
	head, tail, reason := splitTemplate(r.KeyPattern)
	if reason != "" {
		return "", false
	}
	rest, ok := strings.CutPrefix(key, head)
	if !ok {
		return "", false
	}
	refuse, err := r.idCheck()
	if err != nil {
		return "", false
	}
	fixed, wild := strings.CutSuffix(tail, "*")
	if !wild {
		id, ok = strings.CutSuffix(rest, tail)
		return id, ok && id != "" && (!strings.Contains(id, "/") || refuse(id) == "")
	}
	if r.IDPattern != "" {
		for end := len(rest) - len(fixed); end > 0; end-- {
			if strings.HasPrefix(rest[end:], fixed) && refuse(rest[:end]) == "" {
				return rest[:end], true
			}
		}
	}
	// An ID without "/", and fixed begins with text up to one: cut there.
	first := strings.Index(rest, "/")
	lead := strings.Index(fixed, "/")
	if first <= lead || !strings.HasPrefix(rest[first-lead:], fixed) {
		return "", false
	}
	return rest[:first-lead], true
}
