package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
)

// syncFlags are the flags of hikyaku sync: DataSync's options by their own names.
type syncFlags struct {
	options            engine.Options
	includes, excludes string
	rate               string
	concurrency        int
	dryRun, quiet      bool
	s3                 s3Access
}

// syncReport is the result of a sync: the text and JSON outputs are made from it.
type syncReport struct {
	Source      string           `json:"source"`
	Destination string           `json:"destination"`
	DryRun      bool             `json:"dry_run"`
	Files       hikyaku.Files    `json:"files"`
	Bytes       hikyaku.Bytes    `json:"bytes"`
	Deleted     int64            `json:"deleted"`
	DurationsMS map[string]int64 `json:"durations_ms"`
	Rate        int64            `json:"throughput_bps"`
	Errors      []syncError      `json:"errors"`
	ErrorCount  int64            `json:"error_count"`
	Code        string           `json:"code,omitempty"`
	Planned     []string         `json:"planned,omitempty"`
}

// syncError is one item that failed.
type syncError struct {
	Path    string `json:"path"`
	Step    string `json:"step"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// maxPlanned bounds the list of a dry run in the report.
const maxPlanned = 10_000

// newSyncCommand returns hikyaku sync.
func newSyncCommand(env environment) *cobra.Command {
	var f syncFlags
	cmd := &cobra.Command{
		Use:   "sync SRC DST",
		Short: env.t("Copy and verify what differs from SRC to DST, once", "SRC と DST の違いを一度だけコピーして検証する"),
		Long: env.t(`Copy what differs from SRC to DST and verify it, once, without a server.

SRC and DST are folders or s3://bucket/prefix. S3 uses the AWS credential
chain, AWS_ENDPOINT_URL_S3 or --endpoint-url, and --profile.

Exit codes: 0 all as asked, 3 some files failed, others as for all commands.`, `SRC にあって DST と違うものをコピーして検証します。一度だけ、サーバーなしで。

SRC と DST はフォルダか s3://bucket/prefix です。S3 には AWS の認証情報の連鎖、AWS_ENDPOINT_URL_S3
または --endpoint-url、--profile を使います。

終了コード: 0 すべて求めどおり、3 一部のファイルが失敗、ほかは全コマンド共通。`),
		Example: `  hikyaku sync s3://outbox/A-123 /srv/filer/A-123
  hikyaku sync --dry-run ./reports s3://archive/reports
  hikyaku sync --preserve-deleted-files REMOVE --exclude '*.tmp' /data s3://backup/data`,
		Args: exactly(2, "SRC DST"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSync(cmd.Context(), env, outputFormat(cmd), f, args[0], args[1])
		},
	}
	fl := cmd.Flags()
	o := &f.options
	fl.StringVar(&o.VerifyMode, "verify-mode", "ONLY_FILES_TRANSFERRED", env.t("ONLY_FILES_TRANSFERRED, POINT_IN_TIME_CONSISTENT or NONE", "ONLY_FILES_TRANSFERRED、POINT_IN_TIME_CONSISTENT、NONE"))
	fl.StringVar(&o.OverwriteMode, "overwrite-mode", "ALWAYS", env.t("ALWAYS or NEVER", "ALWAYS または NEVER"))
	fl.StringVar(&o.TransferMode, "transfer-mode", "CHANGED", env.t("CHANGED or ALL", "CHANGED または ALL"))
	fl.StringVar(&o.PreserveDeletedFiles, "preserve-deleted-files", "PRESERVE", env.t("PRESERVE, or REMOVE what the source no longer has", "PRESERVE、または送り元にないものを消す REMOVE"))
	fl.StringVar(&o.Atime, "atime", "BEST_EFFORT", env.t("BEST_EFFORT or NONE", "BEST_EFFORT または NONE"))
	fl.StringVar(&o.Mtime, "mtime", "PRESERVE", env.t("PRESERVE or NONE", "PRESERVE または NONE"))
	fl.StringVar(&o.UID, "uid", "NONE", env.t("INT_VALUE or NONE", "INT_VALUE または NONE"))
	fl.StringVar(&o.GID, "gid", "NONE", env.t("INT_VALUE or NONE", "INT_VALUE または NONE"))
	fl.StringVar(&o.PosixPermissions, "posix-permissions", "PRESERVE", env.t("PRESERVE or NONE", "PRESERVE または NONE"))
	fl.StringVar(&o.ObjectTags, "object-tags", "NONE", env.t("PRESERVE or NONE", "PRESERVE または NONE"))
	fl.StringVar(&f.includes, "include", "", env.t("DataSync include filter: patterns joined by |", "DataSync の include フィルター: | でつないだパターン"))
	fl.StringVar(&f.excludes, "exclude", "", env.t("DataSync exclude filter: patterns joined by |", "DataSync の exclude フィルター: | でつないだパターン"))
	fl.StringVar(&f.rate, "bytes-per-second", "", env.t("bandwidth limit, for example 10MiB; empty is unlimited", "帯域の上限、例えば 10MiB。空なら無制限"))
	fl.IntVar(&f.concurrency, "concurrency", 0, env.t("files or parts in flight; 0 chooses", "同時に扱うファイルや部分の数。0 は自動"))
	fl.BoolVar(&f.dryRun, "dry-run", false, env.t("show what would be done and change nothing", "何をするかを示し、何も変えない"))
	fl.BoolVar(&f.quiet, "quiet", false, env.t("no progress display", "進み具合を表示しない"))
	fl.StringVar(&f.s3.endpoint, "endpoint-url", "", env.t("S3 endpoint instead of AWS_ENDPOINT_URL_S3 or Amazon's", "AWS_ENDPOINT_URL_S3 や Amazon の代わりの S3 エンドポイント"))
	fl.StringVar(&f.s3.region, "region", "", env.t("AWS region", "AWS リージョン"))
	fl.StringVar(&f.s3.profile, "profile", "", env.t("AWS profile", "AWS プロファイル"))
	return cmd
}

func runSync(ctx context.Context, env environment, output cli.Printer, f syncFlags, from, to string) error {
	limit := int64(-1)
	if f.rate != "" {
		n, err := humanize.ParseBytes(f.rate)
		if err != nil || n == 0 || n > 1<<50 {
			return invalid("--bytes-per-second", env.t("%q is not a rate: write 500KB or 10MiB", "%q は帯域として読めません。500KB や 10MiB のように書いてください"), f.rate)
		}
		limit = int64(n)
	}
	src, err := openLocation(ctx, from, f.s3)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // read side: nothing is lost
	if p, ok := src.(storage.Prober); ok {
		if err := p.Probe(ctx, false); err != nil {
			return sourceFailure(ctx, err)
		}
	}
	dst, err := openLocation(ctx, to, f.s3)
	if err != nil {
		return err
	}
	defer dst.Close() //nolint:errcheck // every write was synced and published before

	report := syncReport{Source: src.Properties().Name, Destination: dst.Properties().Name, DryRun: f.dryRun, Errors: []syncError{}}
	var mu sync.Mutex
	job := engine.Job{
		Execution: "sync-" + randomHex(8), Source: src, Destination: dst, Options: f.options,
		Includes: f.includes, Excludes: f.excludes, Limit: engine.NewLimit(limit), Concurrency: f.concurrency,
		DryRun: f.dryRun, CRC64: newCRC64, Now: time.Now,
	}
	if f.dryRun {
		job.OnFile = func(r engine.FileResult) {
			mu.Lock()
			defer mu.Unlock()
			if len(report.Planned) < maxPlanned && r.Action != engine.ActionFailed {
				report.Planned = append(report.Planned, string(r.Action)+" "+r.Path)
			}
		}
	}
	progress := &engine.Progress{}
	stop := func() {}
	if !f.quiet && output.Text() && env.isTerminal() {
		stop = showProgress(env, progress)
	}
	result, err := engine.Run(ctx, job, progress)
	stop()
	report.fill(result)
	if err != nil {
		return syncFailure(ctx, err)
	}
	if err := printResult(env.stdout, output, report, nil, func(w io.Writer) error { return report.text(env, w) }); err != nil {
		return err
	}
	if report.ErrorCount > 0 {
		return &cli.ExitError{Code: cli.ExitSomeFailed, Err: fmt.Errorf(env.t("%d items failed", "%d 件が失敗しました"), report.ErrorCount)}
	}
	return nil
}

// syncFailure gives a run's error its kind, and its code where the catalogue has one.
func syncFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &cli.ExitError{Code: cli.ExitInterrupted, Err: context.Cause(ctx)}
	}
	failed := &hikyaku.Error{Kind: hikyaku.KindInternal, Op: "sync", Err: err}
	if run, ok := errors.AsType[*engine.RunError](err); ok {
		if run.Code == engine.InvalidOptions {
			failed.Kind = hikyaku.KindInvalid
			return failed
		}
		e := hikyaku.Classify(string(run.Code), err.Error())
		failed.Kind, failed.Code = e.Kind, e.Code
	}
	switch {
	case errors.Is(err, storage.ErrDenied):
		failed.Kind = hikyaku.KindDenied
	case errors.Is(err, storage.ErrNotExist):
		failed.Kind = hikyaku.KindNotFound
	case errors.Is(err, storage.ErrTransient):
		failed.Kind = hikyaku.KindTransient
	case errors.Is(err, storage.ErrCorrupt):
		failed.Kind = hikyaku.KindCorrupt
	}
	return failed
}

// sourceFailure is syncFailure of the source's first answer.
func sourceFailure(ctx context.Context, err error) error {
	code := engine.SourceUnavailable
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return &hikyaku.Error{Kind: hikyaku.KindNotFound, Code: hikyaku.CodeLocationUnreachable, Op: "sync", Err: err}
	case errors.Is(err, storage.ErrDenied):
		code = engine.SourceDenied
	}
	return syncFailure(ctx, &engine.RunError{Code: code, Err: err})
}

// fill copies the engine's result.
func (r *syncReport) fill(e engine.Result) {
	c := e.Counters
	r.Files = hikyaku.Files{
		Total: c.EstimatedFilesToTransfer, Transferred: c.FilesTransferred, Verified: c.FilesVerified, Skipped: c.FilesSkipped,
		Failed: c.FailedPrepare + c.FailedTransfer + c.FailedVerify + c.FailedDelete,
	}
	r.Bytes = hikyaku.Bytes{Total: c.EstimatedBytesToTransfer, Transferred: c.BytesTransferred, Written: c.BytesWritten}
	r.Deleted = c.FilesDeleted
	r.DurationsMS = map[string]int64{
		"preparing": e.Prepare.Milliseconds(), "transferring": e.Transfer.Milliseconds(),
		"verifying": e.Verify.Milliseconds(), "total": e.Total.Milliseconds(),
	}
	if s := e.Total.Seconds(); s > 0 {
		r.Rate = int64(float64(c.BytesWritten) / s)
	}
	r.ErrorCount = r.Files.Failed
	r.Code = string(e.Code)
	for _, f := range e.FirstErrors {
		r.Errors = append(r.Errors, syncError{Path: f.Path, Step: string(f.Step), Code: string(f.Code), Message: fmt.Sprint(f.Err)})
	}
}

// openLocation opens a folder or s3://bucket/prefix.
func openLocation(ctx context.Context, location string, access s3Access) (storage.Driver, error) {
	if rest, ok := strings.CutPrefix(location, "s3://"); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		if bucket == "" {
			return nil, invalid("location", "%q names no bucket: use s3://bucket/prefix", location)
		}
		return access.open(ctx, bucket, prefix)
	}
	if scheme, _, ok := strings.Cut(location, "://"); ok && scheme != "file" {
		return nil, invalid("location", "%q: use a folder or s3://bucket/prefix", location)
	}
	folder, err := filepath.Abs(filepath.FromSlash(strings.TrimPrefix(location, "file://")))
	if err != nil {
		return nil, invalid("location", "%q: %v", location, err)
	}
	return openFolder(folder)
}

// invalid is a usage error.
func invalid(subject, format string, args ...any) error {
	return &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "check", Subject: subject, Message: fmt.Sprintf(format, args...)}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}
