package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// largeFile is an object of several parts: a multipart upload.
type largeFile struct {
	object
	part int64

	begin    sync.Mutex // held while the upload is begun
	uploadID string     // under mu
	parts    map[int]part
}

// part is one that the service has.
type part struct {
	etag string
	crcs crcs
}

// answerLimit bounds the answers to multipart requests.
const answerLimit = 1 << 20

// PartSize is the size of all parts but the last.
func (f *largeFile) PartSize() int64 { return f.part }

// upload returns the upload's ID, beginning it on first use.
func (f *largeFile) upload(ctx context.Context) (string, error) {
	f.begin.Lock()
	defer f.begin.Unlock()
	f.mu.Lock()
	id, st := f.uploadID, f.state
	f.mu.Unlock()
	if st != writing {
		return "", f.errorf("write", nil, "not being written")
	}
	if id != "" {
		return id, nil
	}
	d := f.stage.driver
	h := make(http.Header, 8)
	setObject(h, f.meta)
	if !d.opts.NoChecksums {
		h["X-Amz-Checksum-Algorithm"] = []string{algorithmName(d.opts.Algorithm)}
		h["X-Amz-Checksum-Type"] = []string{"FULL_OBJECT"}
	}
	body, err := d.fetch(ctx, request{method: http.MethodPost, key: f.key, query: "uploads=", header: h}, answerLimit)
	if err != nil {
		return "", pathError("begin upload of", f.path, err)
	}
	var answer struct {
		UploadID string `xml:"UploadId"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil || answer.UploadID == "" {
		return "", f.errorf("begin upload of", nil, "answer has no upload ID")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploadID = answer.UploadID
	return answer.UploadID, nil
}

// WritePart streams one part. It is not repeated here, since r can be read
// once only: ErrTransient asks for a new call.
func (f *largeFile) WritePart(ctx context.Context, offset, size int64, r io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	last := offset+size == f.size
	if offset < 0 || size <= 0 || offset%f.part != 0 || offset+size > f.size || (size != f.part && !last) || size > f.part {
		return f.errorf("write", nil, "part %d+%d does not fit parts of %d", offset, size, f.part)
	}
	id, err := f.upload(ctx)
	if err != nil {
		return err
	}
	d := f.stage.driver
	number := int(offset/f.part) + 1
	body := newPartReader(d, r, size)
	req := request{
		method: http.MethodPut, key: f.key, header: make(http.Header, 8), stream: body, length: body.length(),
		query: "partNumber=" + strconv.Itoa(number) + "&uploadId=" + escapeQuery(id),
	}
	if !d.opts.NoChecksums {
		req.header["X-Amz-Trailer"] = []string{body.trailer}
		req.header["X-Amz-Decoded-Content-Length"] = []string{strconv.FormatInt(size, 10)}
		req.header["Content-Encoding"] = []string{"aws-chunked"}
	}
	answer, err := d.discard(ctx, req)
	sums, readErr := body.end()
	if readErr != nil {
		return pathError("read part of", f.path, readErr)
	}
	if err != nil {
		return pathError("write", f.path, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.parts[number] = part{etag: answer.Get("ETag"), crcs: sums}
	return nil
}

// ordered returns the parts in order, if none is missing, with the checksums
// of the whole.
func (f *largeFile) ordered() (parts []part, id string, sums crcs, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := int((f.size + f.part - 1) / f.part)
	for number := 1; number <= n; number++ {
		p, ok := f.parts[number]
		if !ok {
			return nil, "", crcs{}, false
		}
		parts = append(parts, p)
		sums = sums.then(p.crcs)
	}
	return parts, f.uploadID, sums, sums.size == f.size && f.state == writing
}

// Finish completes the upload. Metadata is what Create was given: S3 takes
// none later.
func (f *largeFile) Finish(ctx context.Context, _ storage.Entry, _ storage.Origin, sum storage.Sum) error {
	parts, id, sums, ok := f.ordered()
	if !ok {
		return f.errorf("finish", storage.ErrCorrupt, "parts are missing")
	}
	if sum.Algorithm != storage.NoSum && sum != sums.sumBy(sum.Algorithm) {
		return f.errorf("finish", storage.ErrCorrupt, "what was sent differs from the checksum")
	}
	whole := sums.sumBy(f.stage.driver.opts.Algorithm)
	h := http.Header{"Content-Type": {"application/xml"}}
	if !f.stage.driver.opts.NoChecksums {
		name, value := sumHeader(whole)
		h[name] = []string{value}
		h["X-Amz-Checksum-Type"] = []string{"FULL_OBJECT"}
	}
	f.ifNew(h)
	r := request{method: http.MethodPost, key: f.key, query: "uploadId=" + escapeQuery(id), header: h, body: f.document(parts)}
	etag, err := "", error(nil)
	for again := true; again; {
		again = false
		if etag, err = f.complete(ctx, r, whole); err != nil {
			etag, again, err = f.notNew(ctx, h, whole, err)
		}
	}
	if err != nil {
		return pathError("complete", f.path, err)
	}
	f.finish(etag)
	f.stage.forget(f)
	return nil
}

// document is the body of the request that completes the upload.
func (f *largeFile) document(parts []part) []byte {
	name := algorithmName(f.stage.driver.opts.Algorithm)
	var b bytes.Buffer
	b.WriteString(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	for i, p := range parts {
		fmt.Fprintf(&b, "<Part><PartNumber>%d</PartNumber><ETag>", i+1)
		_ = xml.EscapeText(&b, []byte(p.etag)) // a bytes.Buffer takes everything
		b.WriteString("</ETag>")
		if !f.stage.driver.opts.NoChecksums {
			_, value := sumHeader(p.crcs.sumBy(f.stage.driver.opts.Algorithm))
			b.WriteString("<Checksum" + name + ">" + value + "</Checksum" + name + ">")
		}
		b.WriteString("</Part>")
	}
	b.WriteString("</CompleteMultipartUpload>")
	return b.Bytes()
}

// complete sends the last request. An error may come with status 200; and an
// upload that is gone after an attempt without answer was completed by it, if
// the object is there with our checksum.
func (f *largeFile) complete(ctx context.Context, r request, whole storage.Sum) (etag string, err error) {
	d := f.stage.driver
	for attempt := 1; ; attempt++ {
		etag, err = f.completeOnce(ctx, r)
		if attempt > 1 && errors.Is(kindOf(err), storage.ErrNotExist) {
			if etag := f.stored(ctx, whole); etag != "" {
				return etag, nil
			}
		}
		if err == nil || attempt >= d.opts.Attempts || !errors.Is(kindOf(err), storage.ErrTransient) {
			return etag, err
		}
		if werr := d.opts.Wait(ctx, d.backoff(attempt)); werr != nil {
			return "", werr
		}
	}
}

func (f *largeFile) completeOnce(ctx context.Context, r request) (string, error) {
	body, err := f.stage.driver.fetchOnce(ctx, r, answerLimit)
	if err != nil {
		return "", err
	}
	failed := &Error{Status: http.StatusOK}
	if failed.parse(body) {
		return "", failed
	}
	var answer struct {
		ETag string `xml:"ETag"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		return "", &transportError{fmt.Errorf("answer is not understood: %w", err)}
	}
	return answer.ETag, nil
}

// Discard aborts the upload, or deletes the object Finish stored.
func (f *largeFile) Discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	abort, err := f.drop(ctx)
	f.stage.forget(f)
	f.begin.Lock()
	defer f.begin.Unlock()
	if !abort || f.uploadID == "" {
		return err
	}
	_, err = f.stage.driver.discard(ctx, request{method: http.MethodDelete, key: f.key, query: "uploadId=" + escapeQuery(f.uploadID)})
	if errors.Is(kindOf(err), storage.ErrNotExist) {
		return nil
	}
	return pathError("abort upload of", f.path, err)
}
