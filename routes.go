package hikyaku

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The defaults of a route's zero fields.
const (
	DefaultInclude       = "/{id}/*"
	DefaultMaxAttempts   = 3
	DefaultRetryFirst    = 5 * time.Second
	DefaultRetryMax      = 10 * time.Minute
	DefaultLaunchTimeout = 15 * time.Minute
	DefaultStallTimeout  = 30 * time.Minute
	VerifyTransferred    = "ONLY_FILES_TRANSFERRED"
	ModeAll              = "ALL"
	ModeChanged          = "CHANGED"
)

// WithDefaults returns the route with its zero fields filled in.
func (r Route) WithDefaults() Route {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&r.Include, DefaultInclude)
	set(&r.VerifyMode, VerifyTransferred)
	set(&r.TransferMode, ModeAll)
	if r.BytesPerSecond == 0 {
		r.BytesPerSecond = -1
	}
	if r.MaxAttempts == 0 {
		r.MaxAttempts = DefaultMaxAttempts
	}
	if r.Retry.First == 0 {
		r.Retry.First = DefaultRetryFirst
	}
	if r.Retry.Max == 0 {
		r.Retry.Max = max(DefaultRetryMax, r.Retry.First)
	}
	if r.LaunchTimeout == 0 {
		r.LaunchTimeout = DefaultLaunchTimeout
	}
	if r.StallTimeout == 0 {
		r.StallTimeout = DefaultStallTimeout
	}
	return r
}

// Validate reports every setting of the route that cannot work, with defaults
// for zero fields: an *Error with CodeRouteInvalid whose message says which
// and why, or nil.
func (r Route) Validate() error {
	r = r.WithDefaults()
	var wrong []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	add(!validName(r.Name), "name %s: use 1 to 64 letters, digits, - and _", quote(r.Name))
	add(r.Source == "", "source is missing")
	add(r.Destination == "", "destination is missing")
	add(r.Source != "" && r.Source == r.Destination, "source and destination are the same")
	for _, err := range []error{checkInclude(r.Include), r.checkKeys()} {
		if err != nil {
			wrong = append(wrong, strings.TrimPrefix(err.Error(), "check route "))
		}
	}
	if _, err := regexp.Compile(r.IDPattern); err != nil {
		wrong = append(wrong, "id_pattern: "+err.Error())
	}
	add(!slices.Contains([]string{VerifyTransferred, "POINT_IN_TIME_CONSISTENT", "NONE"}, r.VerifyMode),
		"verify %s: use ONLY_FILES_TRANSFERRED, POINT_IN_TIME_CONSISTENT or NONE", quote(r.VerifyMode))
	add(r.TransferMode != ModeAll && r.TransferMode != ModeChanged, "transfer_mode %s: use ALL or CHANGED", quote(r.TransferMode))
	add(r.BytesPerSecond < -1, "bytes_per_second %d: use -1 for unlimited or a positive number", r.BytesPerSecond)
	add(r.MaxAttempts < 1 || r.MaxAttempts > 100, "max_attempts %d: use 1 to 100", r.MaxAttempts)
	add(r.Pool < 0 || r.Pool > 1000, "pool %d: use 0 to 1000", r.Pool)
	add(r.Retry.First < 0 || r.Retry.Max < r.Retry.First, "retry: first %s must not be negative or over max %s", r.Retry.First, r.Retry.Max)
	add(r.LaunchTimeout < 0 || r.StallTimeout < 0, "timeouts must not be negative")
	add(r.Ready.Quiet < 0, "ready.quiet must not be negative")
	add(r.Ready.Marker != "" && refusePath(r.Ready.Marker) != "", "ready.marker %s: %s", quote(r.Ready.Marker), refusePath(r.Ready.Marker))
	if len(wrong) == 0 {
		return nil
	}
	return NewError(CodeRouteInvalid, "check route", r.Name, strings.Join(wrong, "; "))
}

func (r Route) checkKeys() error {
	if r.KeyPattern == "" {
		return nil
	}
	if _, _, ok := s3Location(r.Source); !ok {
		return NewError(CodeRouteInvalid, "check route", "key_pattern", "it needs an s3:// source")
	}
	return checkKeyPattern(r.KeyPattern)
}

func validName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}

// s3Location splits "s3://bucket/prefix/".
func s3Location(location string) (bucket, prefix string, ok bool) {
	rest, ok := strings.CutPrefix(location, "s3://")
	if !ok {
		return "", "", false
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix, bucket != ""
}

// Routes are the configured routes and the default among them.
type Routes struct {
	List    []Route
	Default string // name; empty: none
}

// Find returns a route by name.
func (rs Routes) Find(name string) (Route, bool) {
	for _, r := range rs.List {
		if r.Name == name {
			return r.WithDefaults(), true
		}
	}
	return Route{}, false
}

// Resolve finds a request's route and, for an S3 event, its ID: the route
// named in it, else the one bound to queue, else the only one, else the
// default. An S3 event's route must have the object's bucket and prefix as its
// source. Errors are *Error with CodeNoRoute, CodeRouteUnclear or
// CodeKeyNoMatch; the returned request is filled as far as possible.
func (rs Routes) Resolve(queue string, q Request) (Route, Request, error) {
	if q.Object != nil {
		return rs.resolveObject(queue, q)
	}
	name := q.Route
	if name == "" {
		name = rs.implied(queue)
	}
	if name == "" {
		return Route{}, q, NewError(CodeRouteUnclear, "find route", quote(q.ID), "no route is named, and none follows from the queue or default_route")
	}
	r, ok := rs.Find(name)
	if !ok {
		return Route{}, q, NewError(CodeNoRoute, "find route", quote(name), "no such route")
	}
	q.Route = r.Name
	return r, q, nil
}

func (rs Routes) implied(queue string) string {
	var bound []string
	for _, r := range rs.List {
		if queue != "" && r.Queue == queue {
			bound = append(bound, r.Name)
		}
	}
	switch {
	case len(bound) == 1:
		return bound[0]
	case len(rs.List) == 1:
		return rs.List[0].Name
	case len(bound) > 1 && rs.Default != "" && !slices.Contains(bound, rs.Default):
		return ""
	}
	return rs.Default
}

func (rs Routes) resolveObject(queue string, q Request) (Route, Request, error) {
	var best []Route
	longest := -1
	for _, r := range rs.List {
		bucket, prefix, ok := s3Location(r.Source)
		if !ok || bucket != q.Object.Bucket || !strings.HasPrefix(q.Object.Key, prefix) {
			continue
		}
		if _, ok := r.IDOfKey(q.Object.Key); !ok || len(prefix) < longest {
			continue
		}
		if len(prefix) > longest {
			best, longest = nil, len(prefix)
		}
		best = append(best, r)
	}
	if bound := slices.DeleteFunc(slices.Clone(best), func(r Route) bool { return queue == "" || r.Queue != queue }); len(best) > 1 && len(bound) > 0 {
		best = bound
	}
	subject := quote("s3://" + q.Object.Bucket + "/" + q.Object.Key)
	switch len(best) {
	case 0:
		return Route{}, q, NewError(CodeKeyNoMatch, "find route", subject, "no route's source and key_pattern match")
	case 1:
	default:
		return Route{}, q, NewError(CodeRouteUnclear, "find route", subject, "several routes match")
	}
	r := best[0].WithDefaults()
	q.Route = r.Name
	q.ID, _ = r.IDOfKey(q.Object.Key)
	return r, q, nil
}
