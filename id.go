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

// CheckID reports whether id may be used on the route: an *Error with
// CodeIDRefused says why not. Whatever IDPattern allows, an ID has 1 to MaxID
// bytes of UTF-8, no control characters, no "/", and is no reserved name. (IDs
// that are paths would have to exclude their ancestors and descendants from
// running beside them, which no ledger does.)
func (r Route) CheckID(id string) error {
	if reason := refuseID(id); reason != "" {
		return idRefused(id, reason)
	}
	if r.IDPattern == "" {
		if strings.ContainsAny(id, `\|*`) {
			return idRefused(id, `it contains one of \ | *`)
		}
		return nil
	}
	pattern, err := regexp.Compile(`^(?:` + r.IDPattern + `)$`)
	if err != nil {
		return NewError(CodeRouteInvalid, "check id", r.Name, "id_pattern: "+err.Error())
	}
	if !pattern.MatchString(id) {
		return idRefused(id, "it does not match the route's id_pattern "+r.IDPattern)
	}
	return nil
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
	case strings.Contains(id, "/"):
		return `it contains "/"; an ID is the name of one folder or object, not a path`
	case reserved(id):
		return "the name is reserved"
	}
	return ""
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
