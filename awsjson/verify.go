package awsjson

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far a request's date may be from ours, as AWS documents it.
const maxSkew = 15 * time.Minute

// Key is what an access key ID stands for.
type Key struct {
	Secret string
	Scopes []Scope
}

// VerifierOptions configures a Verifier.
type VerifierOptions struct {
	// Lookup finds an access key. It is called for every request, concurrently.
	Lookup func(ctx context.Context, accessKeyID string) (Key, bool)
	// Now is the clock.
	Now func() time.Time
	// Region that requests must be signed for; empty accepts any.
	Region string
}

// Verifier checks AWS Signature Version 4 of requests, in the Authorization
// header or in the query (presigned). The body's hash is always computed from
// the body itself, so UNSIGNED-PAYLOAD and streaming signatures are refused.
// Its methods may be called concurrently.
type Verifier struct{ opts VerifierOptions }

// NewVerifier returns a Verifier. Lookup and Now are required.
func NewVerifier(opts VerifierOptions) *Verifier { return &Verifier{opts: opts} }

// Verify returns who signed the request for the service (the name in the
// credential scope, such as "sqs"). Everything that can be decided without the
// body is decided before readBody is called. The error is a *Error named as
// AWS names it, or what readBody returned.
func (v *Verifier) Verify(r *http.Request, service string, readBody func() ([]byte, error)) (Identity, error) {
	a, err := parseAuthorization(r)
	if err != nil {
		return Identity{}, err
	}
	if r.Header.Get("X-Amz-Security-Token") != "" || r.URL.Query().Has("X-Amz-Security-Token") {
		return Identity{}, unknownKey("Session tokens are not accepted here: unset AWS_SESSION_TOKEN and use the endpoint's own access key.")
	}
	key, ok := v.opts.Lookup(r.Context(), a.accessKey)
	if !ok {
		return Identity{}, unknownKey("The security token included in the request is invalid.")
	}
	if a.service != service {
		return Identity{}, mismatch("Credential should be scoped to correct service: '" + service + "'.")
	}
	if v.opts.Region != "" && a.region != v.opts.Region {
		return Identity{}, mismatch("Credential should be scoped to a valid region: '" + v.opts.Region + "'.")
	}
	if err := a.checkDate(v.opts.Now()); err != nil {
		return Identity{}, err
	}
	if name := unsignedHeader(r.Header, a.headers); name != "" {
		return Identity{}, mismatch("'" + printable(name) + "' must be a 'SignedHeader' in the AWS Authorization.")
	}
	body, err := readBody()
	if err != nil {
		return Identity{}, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if claimed := r.Header.Get("X-Amz-Content-Sha256"); claimed != "" && claimed != hash {
		return Identity{}, mismatch("The value of x-amz-content-sha256 is not the SHA-256 of the request body.")
	}
	want := sign(key.Secret, a, canonicalRequest(r, a, hash))
	if !hmac.Equal([]byte(want), []byte(a.signature)) {
		return Identity{}, mismatch("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method.")
	}
	return Identity{AccessKey: a.accessKey, Scopes: key.Scopes}, nil
}

// checkDate refuses requests from too far in the past or the future.
func (a *authorization) checkDate(now time.Time) error {
	latest := a.date.Add(maxSkew)
	if a.presigned {
		latest = a.date.Add(a.expires)
	}
	if now.After(latest) {
		return &Error{
			Type: "RequestExpired", Namespace: coral,
			Message: fmt.Sprintf("Signature expired: %s is now earlier than %s.", latest.Format(amzDate), now.UTC().Format(amzDate)),
		}
	}
	if a.date.After(now.Add(maxSkew)) {
		return &Error{
			Type: "RequestExpired", Namespace: coral,
			Message: fmt.Sprintf("Signature not yet current: %s is still later than %s.", a.date.Format(amzDate), now.UTC().Format(amzDate)),
		}
	}
	return nil
}

// unsignedHeader returns the name of an x-amz- header that is present and not
// signed: it could have been added on the way.
func unsignedHeader(h http.Header, signed []string) string {
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(signed, lower) {
			return lower
		}
	}
	return ""
}

// canonicalRequest renders the request as the signer saw it.
func canonicalRequest(r *http.Request, a *authorization, payloadHash string) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + uriEncode(path, true) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range a.headers {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(a.headers, ";") + "\n" + payloadHash)
	return b.String()
}

// headerValue is the canonical value of a signed header. net/http takes some
// headers out of the map.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

func canonicalQuery(q url.Values) string {
	var pairs []string
	for name, values := range q {
		if name == "X-Amz-Signature" {
			continue
		}
		for _, v := range values {
			pairs = append(pairs, uriEncode(name, false)+"="+uriEncode(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// uriEncode escapes all but RFC 3986's unreserved characters, and slashes if
// told to keep them.
func uriEncode(s string, keepSlash bool) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0, keepSlash && c == '/':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upper[c>>4], upper[c&15]})
		}
	}
	return b.String()
}

// sign computes the signature in hex.
func sign(secret string, a *authorization, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	text := algorithm + "\n" + a.date.Format(amzDate) + "\n" + a.scope() + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.day, a.region, a.service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func missingToken() *Error {
	return &Error{
		Status: http.StatusForbidden, Type: "MissingAuthenticationTokenException", Namespace: coral, QueryCode: "MissingAuthenticationToken",
		Message: "Request is missing Authentication Token",
	}
}

func incomplete(message string) *Error {
	return &Error{Type: "IncompleteSignatureException", Namespace: coral, QueryCode: "IncompleteSignature", Message: message}
}

func mismatch(message string) *Error {
	return &Error{Status: http.StatusForbidden, Type: "InvalidSignatureException", Namespace: coral, QueryCode: "SignatureDoesNotMatch", Message: message}
}

func unknownKey(message string) *Error {
	return &Error{Status: http.StatusForbidden, Type: "UnrecognizedClientException", Namespace: coral, QueryCode: "InvalidClientTokenId", Message: message}
}
