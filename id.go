package hikyaku

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxID is the longest ID, in bytes.
const MaxID = 512

// MaxFilter is the longest filter DataSync takes, in characters.
const MaxFilter = 102400

// MaxIDParts is how many parts an ID that is a path may have.
const MaxIDParts = 32

// CheckID reports whether id may be used on the route: an *Error with
// CodeIDRefused says why not. Whatever IDPattern allows, an ID has 1 to MaxID
// bytes of UTF-8, no control characters, and is no reserved name. With "/" it
// is a path, which only an IDPattern can allow: of 2 to MaxIDParts parts, none
// of them empty or a reserved name. See Overlap for what that means for others.
func (r Route) CheckID(id string) error {
	check, err := r.idCheck()
	if err != nil {
		return err
	}
	if reason := check(id); reason != "" {
		return idRefused(id, reason)
	}
	return nil
}

// idCheck returns what says why an ID is refused, "" if it is not.
func (r Route) idCheck() (func(id string) string, error) {
	if r.IDPattern == "" {
		return func(id string) string {
			reason := refuseID(id)
			switch {
			case reason != "":
			case strings.Contains(id, "/"):
				reason = `it contains "/", which only a route's id_pattern can allow`
			case strings.ContainsAny(id, `\|*`):
				reason = `it contains one of \ | *`
			}
			return reason
		}, nil
	}
	pattern, err := regexp.Compile(`^(?:` + r.IDPattern + `)$`)
	if err != nil {
		return nil, NewError(CodeRouteInvalid, "check id", r.Name, "id_pattern: "+err.Error())
	}
	return func(id string) string {
		reason := refuseID(id)
		if reason == "" && !pattern.MatchString(id) {
			reason = "it does not match the route's id_pattern " + r.IDPattern
		}
		return reason
	}, nil
}

func refuseID(id string) string {
	switch {
	case id == "":
		return "it is empty"
	case len(id) > MaxID:
		return "it has more than " + strconv.Itoa(MaxID) + " bytes"
	case !utf8.ValidString(id):
		return "it is not UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		return "it contains a control character"
	case reserved(id):
		return "the name is reserved"
	case strings.Contains(id, "/"):
		return refuseIDPath(id)
	}
	return ""
}

// refuseIDPath says why an ID that contains "/" is refused.
func refuseIDPath(id string) string {
	switch {
	case strings.HasPrefix(id, "/"):
		return `it begins with "/"`
	case strings.HasSuffix(id, "/"):
		return `it ends with "/"`
	case strings.Contains(id, "//"):
		return "it has an empty part between two \"/\""
	case strings.Count(id, "/") >= MaxIDParts:
		return "it has more than " + strconv.Itoa(MaxIDParts) + " parts"
	}
	for part := range strings.SplitSeq(id, "/") {
		if reserved(part) {
			return "its part " + part + " is a reserved name"
		}
	}
	return ""
}

// Overlap reports whether two IDs of one route stand for files in common, and
// so never run at once: they are equal, or one is a path prefix of the other
// ("a" and "a/b", but not "a" and "ab").
func Overlap(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.HasPrefix(b, a) && (len(a) == len(b) || b[len(a)] == '/')
}

// Ancestors returns the proper path prefixes of an ID, shortest first: "a" and
// "a/b" of "a/b/c", none of an ID without "/".
func Ancestors(id string) []string {
	var list []string
	for i := range len(id) {
		if id[i] == '/' {
			list = append(list, id[:i])
		}
	}
	return list
}

// reserved names mean something to file systems, DataSync or hikyaku.
func reserved(name string) bool {
	switch name {
	case ".", "..", ".snapshot", ".zfs", ".aws-datasync", ".awssync", ".hikyaku":
		return true
	}
	return false
}

func idRefused(id, reason string) *Error {
	return NewError(CodeIDRefused, "check id", quote(id), reason)
}

// quote shows a text from outside safely, and not more of it than helps.
func quote(s string) string {
	const limit = 128
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "…"
	}
	return strconv.Quote(s)
}
