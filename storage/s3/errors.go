package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/hikyaku/hikyaku/storage"
)

// Error is what the service answered instead of the result.
type Error struct {
	// Status is the HTTP status; 200 for an error within a response that had
	// begun well.
	Status int
	// Code and Message are the service's own; Code is empty where the
	// response had no body (HEAD).
	Code, Message string
	RequestID     string
}

// Error returns code, message and request ID, without anything of the request.
func (e *Error) Error() string {
	msg := e.Code
	if msg == "" {
		msg = http.StatusText(e.Status)
	}
	if e.Message != "" {
		msg += ": " + e.Message
	}
	msg = fmt.Sprintf("%s (status %d", msg, e.Status)
	if e.RequestID != "" {
		msg += ", request " + e.RequestID
	}
	return msg + ")"
}

// errorBodyLimit bounds what is read of an error response.
const errorBodyLimit = 64 << 10

// responseError reads an error response to its end and closes it.
func responseError(resp *http.Response) *Error {
	defer resp.Body.Close() //nolint:errcheck // read only
	e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Amz-Request-Id")}
	body, err := io.ReadAll(io.LimitReader(resp.Body, errorBodyLimit))
	if err == nil {
		e.parse(body)
	}
	return e
}

// parse fills e from an <Error> document and reports whether body was one.
func (e *Error) parse(body []byte) bool {
	var doc struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string   `xml:"Code"`
		Message   string   `xml:"Message"`
		RequestID string   `xml:"RequestId"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil {
		return false
	}
	e.Code, e.Message = doc.Code, doc.Message
	if doc.RequestID != "" {
		e.RequestID = doc.RequestID
	}
	return true
}

// kind maps an answer to a sentinel, or nil: by code where there is one, else
// by status.
func (e *Error) kind() error {
	switch e.Code {
	case "NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NoSuchVersion":
		return storage.ErrNotExist
	case "PreconditionFailed", "InvalidRange":
		return storage.ErrChanged
	case "InvalidObjectState":
		return storage.ErrArchived
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed",
		"AccountProblem", "AllAccessDisabled", "InvalidSecurity", "MethodNotAllowed":
		return storage.ErrDenied
	case "BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch":
		return storage.ErrCorrupt
	case "KeyTooLongError", "InvalidURI":
		return storage.ErrName
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage":
		return storage.ErrNoSpace
	case "ObjectParentIsFile", "ExistingObjectIsDirectory", "DirectoryObjectContainsData", "ExistingObjectIsFile":
		return storage.ErrConflict
	case "RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded",
		"OperationAborted", "ConditionalRequestConflict", "IncompleteBody", "BandwidthLimitExceeded":
		return storage.ErrTransient
	}
	switch e.Status {
	case http.StatusNotFound:
		return storage.ErrNotExist
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return storage.ErrChanged
	case http.StatusUnauthorized, http.StatusForbidden:
		return storage.ErrDenied
	case http.StatusInsufficientStorage:
		return storage.ErrNoSpace
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return storage.ErrTransient
	}
	return nil
}

// pathError gives err its operation, path and kind.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	var own *storage.PathError
	if errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &storage.PathError{Op: op, Path: path, Kind: kindOf(err), Err: err}
}

// kindOf maps an error to a sentinel, or nil.
func kindOf(err error) error {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.kind()
	}
	if _, ok := errors.AsType[*transportError](err); ok {
		return storage.ErrTransient
	}
	return nil
}

// transportError is a failure below HTTP: the connection, a name, TLS, an
// answer that ended early. All may go away.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }
