package mover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

const (
	// reportFileTime bounds the writing of one of a report's files.
	reportFileTime = time.Minute
	// reportGrace is how long a stop waits for reports that are being written.
	reportGrace = 5 * time.Second
	// reportBucketKey begins what takes the place of a location's ARN.
	reportBucketKey = "report-bucket/"
)

// writeReport writes the report of a run that has ended, and returns how that
// went. It never fails the run.
func (s *Service) writeReport(ctx context.Context, r *report, sum summary, log *slog.Logger) *ReportResult {
	ctx, end := s.reportContext(ctx)
	defer end()
	err := s.uploadReport(ctx, r, sum)
	switch {
	case err != nil:
		log.WarnContext(ctx, "task report not written", slog.String("bucket_arn", r.cfg.BucketARN), slog.Any("error", err))
		return &ReportResult{Status: PhaseError, ErrorCode: CodeReportNotWritten, ErrorDetail: "Task report could not be written: " + err.Error()}
	case r.trouble != nil:
		log.WarnContext(ctx, "task report incomplete", slog.Any("error", r.trouble))
		return &ReportResult{Status: PhaseError, ErrorCode: CodeReportIncomplete, ErrorDetail: "Task report is not complete: " + r.trouble.Error()}
	}
	return &ReportResult{Status: PhaseSuccess}
}

// reportContext outlives the run, which may have been cancelled, and, for a
// short time, the service.
func (s *Service) reportContext(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	done := make(chan struct{})
	s.workers.Go(func() {
		select {
		case <-done:
			return
		case <-s.ending:
		}
		grace := time.NewTimer(reportGrace)
		defer grace.Stop()
		select {
		case <-done:
		case <-grace.C:
			cancel(errStopping)
		}
	})
	return ctx, func() { close(done); cancel(nil) }
}

// uploadReport writes all files of a report.
func (s *Service) uploadReport(ctx context.Context, r *report, sum summary) error {
	bucket, err := bucketOf(r.cfg.BucketARN)
	if err != nil {
		return err
	}
	prefix, err := prefixOf(r.cfg.Subdirectory)
	if err != nil {
		return err
	}
	// One driver for all reports of a bucket, kept like those of locations.
	driver, release, err := s.drivers.acquire(ctx, Location{
		ARN: reportBucketKey + bucket, Type: TypeS3, Bucket: bucket, BucketARN: r.cfg.BucketARN, RoleARN: r.cfg.RoleARN, StorageClass: "STANDARD",
	})
	if err != nil {
		return fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	defer release()
	stage, err := driver.Stage(ctx, r.execution)
	if err != nil {
		return fmt.Errorf("write to bucket %s: %w", bucket, err)
	}
	w := reportWriter{stage: stage, part: driver.Properties().PartSize, prefix: prefix, task: r.task, execution: r.execution}
	err = w.all(ctx, r, sum)
	if closeErr := stage.Close(context.WithoutCancel(ctx)); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write to bucket %s: %w", bucket, err)
	}
	return nil
}

// reportWriter writes a report's files to a bucket.
type reportWriter struct {
	stage                   storage.Stage
	part                    int64
	prefix, task, execution string
}

func (w reportWriter) all(ctx context.Context, r *report, sum summary) error {
	for k := range kinds {
		files, err := r.lists[k].reports()
		if err != nil {
			r.incomplete(fmt.Errorf("collect task report: %w", err))
			continue
		}
		for i, f := range files {
			if err := w.put(ctx, w.key("Detailed-Reports", k.part(), i+1), f, f.Size()); err != nil {
				return err
			}
		}
	}
	text, err := json.Marshal(sum)
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	return w.put(ctx, w.key("Summary-Reports", "summary", 1), bytes.NewReader(text), int64(len(text)))
}

// key is where a file of the report goes. Its last part depends on the rest
// alone, so that a run that is begun again writes over what it wrote.
func (w reportWriter) key(folder, part string, number int) string {
	name := fmt.Sprintf("%s.%s-v1-%05d-", w.execution, part, number)
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // a hash cannot fail
	return strings.Join([]string{w.prefix + folder, w.task, w.execution, fmt.Sprintf("%s0%016x.json", name, h.Sum64())}, "/")
}

// put writes one file.
func (w reportWriter) put(ctx context.Context, key string, r io.ReaderAt, size int64) (err error) {
	ctx, cancel := context.WithTimeout(ctx, reportFileTime)
	defer cancel()
	entry := storage.Entry{Path: key, Size: size, Object: &storage.Object{ContentType: "application/json"}}
	file, err := w.stage.Create(ctx, entry)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Discard(context.WithoutCancel(ctx)) // the first error is told
		}
	}()
	part := w.part
	if p, ok := file.(storage.PartSizer); ok && p.PartSize() > 0 {
		part = p.PartSize()
	}
	if part <= 0 {
		part = size
	}
	for offset := int64(0); offset < size; offset += part {
		n := min(part, size-offset)
		if err := file.WritePart(ctx, offset, n, io.NewSectionReader(r, offset, n)); err != nil {
			return err
		}
	}
	if err := file.Finish(ctx, entry, storage.Origin{}, storage.Sum{}); err != nil {
		return err
	}
	if err := w.stage.Sync(ctx, []storage.StagedFile{file}); err != nil {
		return err
	}
	return errors.Join(w.stage.Publish(ctx, []storage.StagedFile{file})...)
}
