package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// failing returns a fault that strikes at op and path, the first n times.
func failing(op storagetest.Op, path string, n int, err error) storagetest.Fault {
	var struck atomic.Int64
	return func(o storagetest.Op, p string) error {
		if o == op && p == path && (n < 0 || struck.Add(1) <= int64(n)) {
			return err
		}
		return nil
	}
}

var errOdd = errors.New("something odd")

func TestRun_FailsOneFileOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		atSrc bool
		op    storagetest.Op
		err   error
		code  engine.Code
		step  engine.Phase
	}{
		{"listing denied", true, storagetest.OpList, storage.ErrDenied, engine.SourceDenied, engine.Preparing},
		{"name listed", true, storagetest.OpList, storage.ErrName, engine.NameNotAllowed, engine.Preparing},
		{"open denied", true, storagetest.OpOpen, storage.ErrDenied, engine.SourceDenied, engine.Transferring},
		{"archived", true, storagetest.OpOpen, storage.ErrArchived, engine.ArchivedObject, engine.Transferring},
		{"gone", true, storagetest.OpOpen, storage.ErrNotExist, engine.SourceGone, engine.Transferring},
		{"always changing", true, storagetest.OpRead, storage.ErrChanged, engine.SourceChanged, engine.Transferring},
		{"odd read", true, storagetest.OpRead, errOdd, engine.SourceReadFailed, engine.Transferring},
		{"lost connection", true, storagetest.OpRead, storage.ErrTransient, engine.Transient, engine.Transferring},
		{"name refused", false, storagetest.OpCreate, storage.ErrName, engine.NameNotAllowed, engine.Transferring},
		{"conflict", false, storagetest.OpCreate, storage.ErrConflict, engine.PathConflict, engine.Transferring},
		{"write denied", false, storagetest.OpWrite, storage.ErrDenied, engine.DestinationDenied, engine.Transferring},
		{"odd write", false, storagetest.OpWrite, errOdd, engine.DestinationWriteFailed, engine.Transferring},
		{"odd finish", false, storagetest.OpFinish, errOdd, engine.DestinationWriteFailed, engine.Transferring},
		{"refused checksum", false, storagetest.OpFinish, storage.ErrCorrupt, engine.ChecksumMismatch, engine.Transferring},
		{"odd read back", false, storagetest.OpReadBack, errOdd, engine.DestinationReadFailed, engine.Verifying},
		{"odd publish", false, storagetest.OpPublish, errOdd, engine.DestinationWriteFailed, engine.Transferring},
		{"throttled publish", false, storagetest.OpPublish, storage.ErrTransient, engine.Transient, engine.Transferring},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, objects(), files())
			put(b.src, map[string]string{"bad": "bad content", "good": "good content", "late/good": "x"})
			if tt.atSrc {
				b.src.SetFault(failing(tt.op, "bad", -1, tt.err))
			} else {
				b.dst.SetFault(failing(tt.op, "bad", -1, tt.err))
			}
			res := b.run()
			b.wantTree(map[string]string{"good": "good content", "late/good": "x"})
			if got := b.code("bad"); got != tt.code {
				t.Errorf("code %s, want %s", got, tt.code)
			}
			if len(res.FirstErrors) != 1 || res.FirstErrors[0].Step != tt.step || !errors.Is(res.FirstErrors[0].Err, tt.err) {
				t.Errorf("first errors %+v, want one at %s", res.FirstErrors, tt.step)
			}
			c := res.Counters
			if c.FailedPrepare+c.FailedTransfer+c.FailedVerify != 1 || c.FilesTransferred != 3 || res.Code == "" || res.Detail == "" {
				t.Errorf("counters %+v, code %q, detail %q", c, res.Code, res.Detail)
			}
		})
	}
}

func TestRun_RetriesWithoutCountingTwice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		atSrc bool
		op    storagetest.Op
		err   error
		n     int
	}{
		{true, storagetest.OpOpen, storage.ErrTransient, 2},
		{true, storagetest.OpRead, storage.ErrTransient, 3},
		{true, storagetest.OpRead, storage.ErrChanged, 3},
		{false, storagetest.OpCreate, storage.ErrTransient, 2},
		{false, storagetest.OpWrite, storage.ErrTransient, 2},
		{false, storagetest.OpFinish, storage.ErrTransient, 2},
		{false, storagetest.OpFinish, storage.ErrCorrupt, 1},
		{false, storagetest.OpSync, storage.ErrTransient, 2},
		{false, storagetest.OpReadBack, storage.ErrTransient, 3},
		{false, storagetest.OpPublish, storage.ErrTransient, 3},
	} {
		t.Run(fmt.Sprintf("%s %v", tt.op, tt.err), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, files(), storagetest.MemoryOptions{PartSize: 40_000})
			content := strings.Repeat("0123456789", 10_000)
			put(b.src, map[string]string{"a": content})
			if tt.atSrc {
				b.src.SetFault(failing(tt.op, "a", tt.n, tt.err))
			} else {
				b.dst.SetFault(failing(tt.op, "a", tt.n, tt.err))
			}
			res := b.run()
			b.wantTree(map[string]string{"a": content})
			c := res.Counters
			if c.FilesTransferred != 1 || c.FilesVerified != 1 || c.BytesTransferred != 100_000 || c.BytesWritten != 100_000 || res.Code != "" {
				t.Errorf("counters %+v, code %q", c, res.Code)
			}
		})
	}
}

func TestRun_RestartsAFileThatChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	put(b.src, map[string]string{"a": strings.Repeat("old", 50_000)})
	var reads atomic.Int64
	b.src.SetFault(func(op storagetest.Op, _ string) error {
		if op == storagetest.OpRead && reads.Add(1) == 2 {
			put(b.src, map[string]string{"a": "new and short"})
			return storage.ErrChanged
		}
		return nil
	})
	b.run()
	b.wantTree(map[string]string{"a": "new and short"})
}

func TestRun_ComparesTheSourcesOwnChecksum(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		algorithm storage.Algorithm
		part      int64
	}{{storage.CRC32C, 0}, {storage.CRC64NVME, 0}, {storage.CRC32C, 2}, {storage.CRC64NVME, 2}} {
		algorithm := tt.algorithm
		opts := objects()
		opts.Sum = func(content []byte) storage.Sum {
			return engine.SumBytes(algorithm, []byte("other"+string(content[5:])))
		}
		b := newBench(t, opts, storagetest.MemoryOptions{PartSize: tt.part})
		put(b.src, map[string]string{"bad": "wrong", "good": "other"})
		res := b.run()
		b.wantTree(map[string]string{"good": "other"})
		if b.code("bad") != engine.ChecksumMismatch || res.Counters.FailedTransfer != 1 {
			t.Errorf("algorithm %d, parts of %d: code %s, counters %+v", algorithm, tt.part, b.code("bad"), res.Counters)
		}
	}
}

func TestRun_EndsEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		atSrc bool
		op    storagetest.Op
		path  string
		err   error
		code  engine.Code
	}{
		{"source listing breaks", true, storagetest.OpList, "m", errOdd, engine.SourceUnavailable},
		{"source denied", true, storagetest.OpList, "", storage.ErrDenied, engine.SourceUnavailable},
		{"destination listing breaks", false, storagetest.OpList, "", errOdd, engine.DestinationUnavailable},
		{"nothing can be staged", false, storagetest.OpStage, "exec-1", errOdd, engine.DestinationUnavailable},
		{"staging denied", false, storagetest.OpStage, "exec-1", storage.ErrDenied, engine.DestinationDenied},
		{"destination listing denied", false, storagetest.OpList, "", storage.ErrDenied, engine.DestinationDenied},
		{"full while writing", false, storagetest.OpWrite, "m", storage.ErrNoSpace, engine.NoSpace},
		{"full while syncing", false, storagetest.OpSync, "", storage.ErrNoSpace, engine.NoSpace},
		{"full while publishing", false, storagetest.OpPublish, "m", storage.ErrNoSpace, engine.NoSpace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, objects(), files())
			put(b.src, map[string]string{"a": "1", "m": "2", "z/z": "3"})
			fault := func(op storagetest.Op, path string) error {
				if op == tt.op && (path == tt.path || op == storagetest.OpSync) {
					return tt.err
				}
				return nil
			}
			if tt.atSrc {
				b.src.SetFault(fault)
			} else {
				b.dst.SetFault(fault)
			}
			res, err := b.try()
			var runErr *engine.RunError
			if !errors.As(err, &runErr) || runErr.Code != tt.code || !errors.Is(err, tt.err) || res.Code != tt.code {
				t.Errorf("error %v, result code %s, want %s", err, res.Code, tt.code)
			}
			if _, ok := b.dst.Read("m"); ok {
				t.Error("the file that failed is there")
			}
		})
	}
}

func TestRun_PausesBetweenTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, files(), files())
		b.job.Random = func() float64 { return 1 }
		put(b.src, map[string]string{"a": "1"})
		b.src.SetFault(failing(storagetest.OpOpen, "a", -1, storage.ErrTransient))
		start := clock()
		b.run()
		if got, want := time.Since(start), 3100*time.Millisecond; got != want {
			t.Errorf("gave up after %v, want %v", got, want)
		}
	})
}

func TestRun_RefusesOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change func(j *engine.Job)
		text   string
	}{
		{func(j *engine.Job) { j.Options.TransferMode, j.Options.PreserveDeletedFiles = "ALL", "REMOVE" }, "Invalid SyncOption value. Option: TransferMode,PreserveDeletedFiles, Value: ALL,REMOVE."},
		{func(j *engine.Job) { j.Options.Atime, j.Options.Mtime = "BEST_EFFORT", "NONE" }, "Invalid SyncOption value. Option: Atime,Mtime, Value: BEST_EFFORT,NONE."},
		{func(j *engine.Job) { j.Options.VerifyMode = "SOMETIMES" }, "Invalid SyncOption value. Option: VerifyMode, Value: SOMETIMES."},
		{func(j *engine.Job) { j.Includes = "*.txt" }, `includes: include pattern "*.txt": "*" is allowed only as the last character`},
		{func(j *engine.Job) { j.Excludes = "|" }, "excludes: filter contains an empty pattern"},
	} {
		b := newBench(t, files(), files())
		tt.change(&b.job)
		res, err := b.try()
		if err == nil || err.Error() != tt.text || res.Code != engine.InvalidOptions {
			t.Errorf("got %v (%s), want %s", err, res.Code, tt.text)
		}
	}
}
