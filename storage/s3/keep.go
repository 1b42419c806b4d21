package s3

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/hikyaku/hikyaku/storage"
)

// KeepExisting implements [storage.Keeper]: objects are stored with
// If-None-Match: *. A service that does not know the condition is asked
// without it, and then the last writer wins as everywhere on S3.
func (s *Stage) KeepExisting() { s.keep = true }

// ifNew adds the condition to the headers of the request that makes an object
// visible.
func (o *object) ifNew(h http.Header) {
	if o.stage.keep {
		h["If-None-Match"] = []string{"*"}
	}
}

// notNew decides about the answer to a request with that condition. again says
// that the request is to be sent without it. An object that is there with our
// size and checksum is ours: an attempt whose answer was lost stored it.
func (o *object) notNew(ctx context.Context, h http.Header, whole storage.Sum, cause error) (etag string, again bool, err error) {
	if !o.stage.keep {
		return "", false, cause
	}
	answer, ok := errors.AsType[*Error](cause)
	switch {
	case ok && answer.Status == http.StatusNotImplemented:
		delete(h, "If-None-Match")
		return "", true, nil
	case ok && (answer.Status == http.StatusPreconditionFailed || answer.Code == "PreconditionFailed"):
		if etag := o.stored(ctx, whole); etag != "" {
			return etag, false, nil
		}
		return "", false, &storage.PathError{Op: "store", Path: o.path, Kind: storage.ErrExists, Err: cause}
	}
	return "", false, cause
}

// stored returns the ETag of the object if it has our size and checksum.
func (o *object) stored(ctx context.Context, whole storage.Sum) string {
	h, err := o.stage.driver.discard(ctx, request{
		method: http.MethodHead, key: o.key, header: http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}},
	})
	if err != nil || whole.Algorithm == storage.NoSum || sumOf(h) != whole || h.Get("Content-Length") != strconv.FormatInt(o.size, 10) {
		return ""
	}
	return h.Get("ETag")
}
