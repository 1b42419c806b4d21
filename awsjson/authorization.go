package awsjson

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// algorithm is the only signature algorithm understood.
const algorithm = "AWS4-HMAC-SHA256"

// amzDate is the layout of X-Amz-Date.
const amzDate = "20060102T150405Z"

// authorization is what a request claims about its signature.
type authorization struct {
	accessKey string
	day       string // 20060102
	region    string
	service   string
	headers   []string // signed headers, lower case, as sent
	signature string   // hex
	date      time.Time
	presigned bool
	expires   time.Duration // presigned only
}

func (a *authorization) scope() string {
	return a.day + "/" + a.region + "/" + a.service + "/aws4_request"
}

// parseAuthorization reads the signature from the Authorization header or from
// the query of a presigned request. The error is a *Error.
func parseAuthorization(r *http.Request) (*authorization, error) {
	header := r.Header.Get("Authorization")
	query := r.URL.Query()
	switch {
	case header != "":
		return parseHeader(header, r.Header)
	case query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature"):
		return parsePresigned(query)
	}
	return nil, missingToken()
}

func parseHeader(value string, h http.Header) (*authorization, error) {
	name, rest, _ := strings.Cut(value, " ")
	if name != algorithm {
		return nil, incomplete("Unsupported authorization type: only " + algorithm + " is understood.")
	}
	var credential, headers, signature string
	for part := range strings.SplitSeq(rest, ",") {
		key, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, incomplete("'" + printable(part) + "' is not a key=value pair in the Authorization header.")
		}
		switch key {
		case "Credential":
			credential = v
		case "SignedHeaders":
			headers = v
		case "Signature":
			signature = v
		}
	}
	stamp := h.Get("X-Amz-Date")
	if stamp == "" {
		stamp = h.Get("Date")
	}
	return assemble(credential, headers, signature, stamp)
}

func parsePresigned(q url.Values) (*authorization, error) {
	if q.Get("X-Amz-Algorithm") != algorithm {
		return nil, incomplete("Unsupported X-Amz-Algorithm: only " + algorithm + " is understood.")
	}
	a, err := assemble(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Date"))
	if err != nil {
		return nil, err
	}
	seconds, ok := parseExpires(q.Get("X-Amz-Expires"))
	if !ok {
		return nil, incomplete("X-Amz-Expires must be a number of seconds from 1 to 604800.")
	}
	a.presigned, a.expires = true, seconds
	return a, nil
}

// parseExpires reads a lifetime of 1 second to 7 days.
func parseExpires(s string) (time.Duration, bool) {
	if s == "" || len(s) > 6 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	d, err := time.ParseDuration(s + "s")
	return d, err == nil && d > 0 && d <= 7*24*time.Hour
}

func assemble(credential, headers, signature, stamp string) (*authorization, error) {
	for name, v := range map[string]string{"Credential": credential, "SignedHeaders": headers, "Signature": signature, "X-Amz-Date": stamp} {
		if v == "" {
			return nil, incomplete("Authorization requires '" + name + "'.")
		}
	}
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || slices.Contains(parts, "") || parts[4] != "aws4_request" {
		return nil, incomplete("Credential must have the form ACCESSKEY/DATE/REGION/SERVICE/aws4_request.")
	}
	date, err := parseDate(stamp)
	if err != nil {
		return nil, incomplete("Date must be in ISO-8601 'basic format'.")
	}
	a := &authorization{
		accessKey: parts[0], day: parts[1], region: parts[2], service: parts[3],
		headers: strings.Split(headers, ";"), signature: signature, date: date,
	}
	if a.day != date.Format("20060102") {
		return nil, mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
	}
	if !slices.Contains(a.headers, "host") {
		return nil, mismatch("'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return a, nil
}

func parseDate(s string) (time.Time, error) {
	if t, err := time.Parse(amzDate, s); err == nil {
		return t, nil
	}
	t, err := http.ParseTime(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("parse date %q: %w", s, err)
	}
	return t.UTC(), nil
}

// printable shortens what a stranger sent for an error message.
func printable(s string) string {
	const most = 64
	s = strings.ToValidUTF8(s, "?")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
