package awsjson_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hikyaku/hikyaku/awsjson"
)

const (
	accessKey = "AKEXAMPLE"
	secret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" //nolint:gosec // Amazon's example
	region    = "eu-central-1"
	service   = "sqs"
)

func clock() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func lookup(_ context.Context, id string) (awsjson.Key, bool) {
	return awsjson.Key{Secret: secret, Scopes: []awsjson.Scope{awsjson.ScopeViewer}}, id == accessKey
}

// attempt is a request to be signed, and how.
type attempt struct {
	method, target, body string
	header               http.Header
	credentials          aws.Credentials
	service              string
	at                   time.Time
	hash                 string // payload hash to sign; empty: the body's
}

func valid() *attempt {
	return &attempt{
		method: http.MethodPost, target: "http://127.0.0.1:7701/", body: `{"QueueName":"orders"}`,
		header: http.Header{
			"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"AmazonSQS.GetQueueUrl"}, "X-Amzn-Query-Mode": {"true"},
			"X-Spaces": {"  a   b "},
		},
		credentials: aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, service: service, at: clock(),
	}
}

// sign returns the request as a server sees it.
func (a *attempt) sign(tb testing.TB) *http.Request {
	tb.Helper()
	r := a.request(tb)
	if err := v4.NewSigner().SignHTTP(tb.Context(), a.credentials, r, a.payloadHash(), a.service, region, a.at); err != nil {
		tb.Fatal(err)
	}
	return served(tb, r)
}

// presign returns the request with the signature in its query.
func (a *attempt) presign(tb testing.TB) *http.Request {
	tb.Helper()
	r := a.request(tb)
	q := r.URL.Query()
	q.Set("X-Amz-Expires", "600")
	r.URL.RawQuery = q.Encode()
	signed, header, err := v4.NewSigner().PresignHTTP(tb.Context(), a.credentials, r, a.payloadHash(), a.service, region, a.at)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := http.NewRequestWithContext(tb.Context(), a.method, signed, strings.NewReader(a.body))
	if err != nil {
		tb.Fatal(err)
	}
	out.Header = header
	return served(tb, out)
}

func (a *attempt) request(tb testing.TB) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), a.method, a.target, strings.NewReader(a.body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header = a.header.Clone()
	return r
}

func (a *attempt) payloadHash() string {
	if a.hash != "" {
		return a.hash
	}
	sum := sha256.Sum256([]byte(a.body))
	return hex.EncodeToString(sum[:])
}

// served turns a client's request into what a server gets.
func served(tb testing.TB, r *http.Request) *http.Request {
	tb.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		tb.Fatal(err)
	}
	host := r.URL.Host
	if r.Host != "" {
		host = r.Host
	}
	out := httptest.NewRequestWithContext(tb.Context(), r.Method, r.URL.RequestURI(), r.Body)
	head, body, _ := strings.Cut(wire.String(), "\r\n\r\n")
	out.Host, out.Header, out.Body, out.ContentLength = host, http.Header{}, io.NopCloser(strings.NewReader(body)), int64(len(body))
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok && name != "Host" {
			out.Header.Add(name, strings.TrimSpace(value))
		}
	}
	return out
}

func verifier() *awsjson.Verifier {
	return awsjson.NewVerifier(awsjson.VerifierOptions{Lookup: lookup, Now: clock, Region: region})
}

func verify(r *http.Request) (awsjson.Identity, error) {
	return verifier().Verify(r, service, func() ([]byte, error) { return io.ReadAll(r.Body) })
}

func wantType(tb testing.TB, err error, want string) {
	tb.Helper()
	got := "no error"
	if e, ok := errors.AsType[*awsjson.Error](err); ok {
		got = e.Type
	}
	if got != want {
		tb.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestVerifier_Verify_OK(t *testing.T) {
	t.Parallel()
	tests := map[string]func(a *attempt){
		"plain":           func(*attempt) {},
		"empty body":      func(a *attempt) { a.body = "" },
		"path":            func(a *attempt) { a.target = "http://localhost:7701/000000000000/a%20b%2Fc/é" },
		"query":           func(a *attempt) { a.target = "http://localhost:7701/?b=2&a=1&a=0&c=x%20y%2Bz&d" },
		"host of default": func(a *attempt) { a.target = "http://hikyaku.example:80/" },
		"oldest":          func(a *attempt) { a.at = clock().Add(-15 * time.Minute) },
		"newest":          func(a *attempt) { a.at = clock().Add(15 * time.Minute) },
		"with hash header": func(a *attempt) {
			a.header.Set("X-Amz-Content-Sha256", a.payloadHash())
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := valid()
			change(a)
			for _, r := range []*http.Request{a.sign(t), a.presign(t)} {
				if r.URL.Query().Has("X-Amz-Signature") && (a.at.Before(clock().Add(-10*time.Minute)) || name == "host of default") {
					continue // presigned for ten minutes; and the SDK presigns a default port away that clients then send
				}
				id, err := verify(r)
				if err != nil || id.AccessKey != accessKey || !id.May(awsjson.ScopeViewer) || id.May(awsjson.ScopeProducer) {
					t.Errorf("%s: got %+v, %v, want the viewer %s", r.URL, id, err, accessKey)
				}
			}
		})
	}
}

func TestVerifier_Verify_Refused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(a *attempt)
		after  func(r *http.Request)
		want   string
	}{
		"wrong secret":   {func(a *attempt) { a.credentials.SecretAccessKey = "other" }, nil, "InvalidSignatureException"},
		"unknown key":    {func(a *attempt) { a.credentials.AccessKeyID = "AKOTHER" }, nil, "UnrecognizedClientException"},
		"session token":  {func(a *attempt) { a.credentials.SessionToken = "token" }, nil, "UnrecognizedClientException"},
		"other service":  {func(a *attempt) { a.service = "datasync" }, nil, "InvalidSignatureException"},
		"too old":        {func(a *attempt) { a.at = clock().Add(-15*time.Minute - time.Second) }, nil, "RequestExpired"},
		"years old":      {func(a *attempt) { a.at = clock().AddDate(-3, 0, 0) }, nil, "RequestExpired"},
		"from tomorrow":  {func(a *attempt) { a.at = clock().Add(15*time.Minute + time.Second) }, nil, "RequestExpired"},
		"unsigned hash":  {func(a *attempt) { a.hash = "UNSIGNED-PAYLOAD" }, nil, "InvalidSignatureException"},
		"claims no hash": {func(a *attempt) { a.header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, nil, "InvalidSignatureException"},
		"other body":     {nil, func(r *http.Request) { setBody(r, `{"QueueName":"other!"}`) }, "InvalidSignatureException"},
		"other target":   {nil, func(r *http.Request) { r.Header.Set("X-Amz-Target", "AmazonSQS.DeleteQueue") }, "InvalidSignatureException"},
		"other host":     {nil, func(r *http.Request) { r.Host = "evil.example" }, "InvalidSignatureException"},
		"other path":     {nil, func(r *http.Request) { r.URL.Path = "/x" }, "InvalidSignatureException"},
		"added header":   {nil, func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }, "InvalidSignatureException"},
		"other query":    {nil, func(r *http.Request) { r.URL.RawQuery += "&x=1" }, "InvalidSignatureException"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := valid()
			if test.change != nil {
				test.change(a)
			}
			for _, r := range []*http.Request{a.sign(t), a.presign(t)} {
				if test.after != nil {
					test.after(r)
				}
				_, err := verify(r)
				wantType(t, err, test.want)
			}
		})
	}
}

func setBody(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	if r.Header.Get("Content-Length") != "" {
		r.Header.Set("Content-Length", "22")
	}
}

func TestVerifier_Verify_Malformed(t *testing.T) {
	t.Parallel()
	const credential = "Credential=" + accessKey + "/20261122/" + region + "/sqs/aws4_request"
	tests := map[string]struct{ authorization, want string }{
		"none":               {"", "MissingAuthenticationTokenException"},
		"basic":              {"Basic dXNlcjpwYXNz", "IncompleteSignatureException"},
		"sigv4a":             {"AWS4-ECDSA-P256-SHA256 " + credential, "IncompleteSignatureException"},
		"no parameters":      {"AWS4-HMAC-SHA256", "IncompleteSignatureException"},
		"no equals":          {"AWS4-HMAC-SHA256 Credential", "IncompleteSignatureException"},
		"no signature":       {"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host", "IncompleteSignatureException"},
		"short credential":   {"AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0", "IncompleteSignatureException"},
		"empty access key":   {"AWS4-HMAC-SHA256 Credential=/20261122/r/sqs/aws4_request, SignedHeaders=host, Signature=0", "IncompleteSignatureException"},
		"other day":          {"AWS4-HMAC-SHA256 Credential=a/20261121/r/sqs/aws4_request, SignedHeaders=host, Signature=0", "InvalidSignatureException"},
		"host not signed":    {"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=x-amz-date, Signature=0", "InvalidSignatureException"},
		"target not signed":  {"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host;x-amz-date, Signature=0", "InvalidSignatureException"},
		"signature not hex":  {"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host;x-amz-date;x-amz-target, Signature=zz", "InvalidSignatureException"},
		"signature of zeros": {"AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + strings.Repeat("0", 64), "InvalidSignatureException"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
			r.Header.Set("X-Amz-Date", clock().Format("20060102T150405Z"))
			r.Header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			_, err := verify(r)
			wantType(t, err, test.want)
		})
	}
	t.Run("no date", func(t *testing.T) {
		t.Parallel()
		r := valid().sign(t)
		r.Header.Del("X-Amz-Date")
		_, err := verify(r)
		wantType(t, err, "IncompleteSignatureException")
	})
	for _, expires := range []string{"", "0", "-1", "604801", "1e3", "9999999999"} {
		t.Run("presigned for "+expires, func(t *testing.T) {
			t.Parallel()
			r := valid().presign(t)
			q := r.URL.Query()
			q.Set("X-Amz-Expires", expires)
			r.URL.RawQuery = q.Encode()
			_, err := verify(r)
			wantType(t, err, "IncompleteSignatureException")
		})
	}
}

func TestVerifier_Verify_PresignedExpiry(t *testing.T) {
	t.Parallel()
	a := valid()
	a.at = clock().Add(-10*time.Minute - time.Second)
	_, err := verify(a.presign(t))
	wantType(t, err, "RequestExpired")
}

// TestVerifier_Verify_BodyUnread checks that strangers cannot make the server
// read a body.
func TestVerifier_Verify_BodyUnread(t *testing.T) {
	t.Parallel()
	a := valid()
	a.credentials.AccessKeyID = "AKOTHER"
	read := false
	_, err := verifier().Verify(a.sign(t), service, func() ([]byte, error) { read = true; return nil, nil })
	wantType(t, err, "UnrecognizedClientException")
	if read {
		t.Error("the body was read before the access key was known")
	}
}

func FuzzAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKEXAMPLE/20261122/eu-central-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "20261122T120000Z", "")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,SignedHeaders=,Signature=", "Sun, 22 Nov 2026 12:00:00 GMT", "X-Amz-Algorithm=AWS4-HMAC-SHA256")
	f.Add("", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKEXAMPLE/20261122/r/sqs/aws4_request&X-Amz-Date=20261122T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00")
	f.Add("AWS4-HMAC-SHA256 \x00=,,=;", "00000000T000000Z", "%zz&=;")
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		r.URL = &url.URL{Path: "/", RawQuery: query}
		r.Header["Authorization"], r.Header["X-Amz-Date"] = []string{authorization}, []string{date}
		id, err := verify(r)
		if err == nil {
			t.Fatalf("a forged signature was accepted for %+v", id)
		}
		if _, ok := errors.AsType[*awsjson.Error](err); !ok {
			t.Fatalf("got error %T, want an awsjson error", err)
		}
	})
}
