package mover

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/engine"
)

const (
	// maxReportFile is the size at which a list goes on in another file.
	maxReportFile = 5_000_000
	// maxReportPath is the longest path that a report takes, in bytes.
	maxReportPath = 4096
	// spoolBuffer is what a list holds in memory.
	spoolBuffer = 64 << 10
)

// report collects what the lists of one run's task report hold, in temporary
// files, so that memory does not grow with the number of items. A nil report
// collects nothing. Its methods may be called concurrently, until write.
type report struct {
	cfg        ReportConfig
	task       string // task-…
	execution  string // exec-…
	overwrites bool
	now        func() time.Time
	lists      [kinds]spool

	mu sync.Mutex
	// trouble is the first thing that keeps the report from being complete.
	trouble error
}

// newReport returns the report of a run that is about to begin, or nil.
// Temporary files are made in folder (empty: the system's).
func newReport(e Execution, folder string, now func() time.Time) *report {
	if e.Report == nil {
		return nil
	}
	r := &report{cfg: *e.Report, task: lastPart(e.TaskARN()), execution: e.ID(), overwrites: e.Options.OverwriteMode != overwriteNever, now: now}
	for k := range kinds {
		r.lists[k] = spool{folder: folder, head: fmt.Sprintf(`{"TaskExecutionId":%q,%q:[`, r.execution, k.name())}
	}
	return r
}

// detailed says whether items are listed at all.
func (r *report) detailed() bool { return r != nil && r.cfg.OutputType == outputStandard }

// versions says whether items are listed with their versions.
func (r *report) versions() bool {
	return r.detailed() && r.cfg.ObjectVersionIDs == versionsAdded && r.cfg.lists(kindTransferred)
}

// add takes an item's end.
func (r *report) add(f engine.FileResult) {
	if !r.detailed() {
		return
	}
	k := kindOf(f)
	r.put(k, f)
	if f.Action == engine.ActionTransferred && f.Verified && !f.Recheck {
		r.put(kindVerified, f)
	}
}

func (r *report) put(k kind, f engine.FileResult) {
	if f.Err == nil && !r.cfg.lists(k) {
		return
	}
	if len(f.Path) >= maxReportPath {
		r.incomplete(fmt.Errorf("a path of %d bytes is longer than the %d that a task report takes", len(f.Path)+1, maxReportPath))
		return
	}
	entry, err := json.Marshal(entryOf(k, f, r.now().UTC(), r.overwrites))
	if err == nil {
		err = r.lists[k].append(entry)
	}
	if err != nil {
		r.incomplete(fmt.Errorf("collect task report: %w", err))
	}
}

// incomplete notes why the report will lack items.
func (r *report) incomplete(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble == nil {
		r.trouble = err
	}
}

// close removes the temporary files.
func (r *report) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for k := range r.lists {
		errs = append(errs, r.lists[k].close())
	}
	return errors.Join(errs...)
}

// spool is one list of a report, written to a temporary file as the reports
// it will become, one behind the other. Its methods may be called concurrently.
type spool struct {
	folder string
	head   string

	mu     sync.Mutex
	file   *os.File // nil until there is an entry
	buffer *bufio.Writer
	err    error
	size   int64 // of what was written
	// pieces are where the reports begin and end; the last one's end is open
	// until it is complete.
	pieces []piece
	open   bool
}

// piece is one report in a spool.
type piece struct{ begin, end int64 }

const spoolTail = "]}"

// append adds an entry, to the last report or to a new one.
func (s *spool) append(entry []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil && s.err == nil {
		s.err = s.create()
	}
	if s.open && s.size-s.pieces[len(s.pieces)-1].begin+int64(len(entry)+len(",\n"+spoolTail)) > maxReportFile {
		s.finish()
	}
	if s.open {
		s.write(",\n")
	} else {
		s.pieces, s.open = append(s.pieces, piece{begin: s.size}), true
		s.write(s.head)
	}
	s.write(string(entry))
	return s.err
}

// create makes the file without leaving a name behind, where the system can.
func (s *spool) create() error {
	f, err := os.CreateTemp(s.folder, "report-*.json")
	if err != nil {
		return fmt.Errorf("create temporary file: %w", err)
	}
	_ = os.Remove(f.Name()) // where an open file cannot be removed, close does
	s.file, s.buffer = f, bufio.NewWriterSize(f, spoolBuffer)
	return nil
}

// write adds text after what was written; its failure is the spool's. s.mu must be held.
func (s *spool) write(text string) {
	if s.err != nil {
		return
	}
	var n int
	n, s.err = s.buffer.WriteString(text)
	s.size += int64(n)
}

// finish completes the last report. s.mu must be held.
func (s *spool) finish() {
	if !s.open {
		return
	}
	s.write(spoolTail)
	s.pieces[len(s.pieces)-1].end, s.open = s.size, false
}

// reports returns the finished reports in order. Nothing may be appended afterwards.
func (s *spool) reports() ([]*io.SectionReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish()
	if s.err == nil && s.buffer != nil {
		s.err = s.buffer.Flush()
	}
	if s.err != nil {
		return nil, s.err
	}
	found := make([]*io.SectionReader, len(s.pieces))
	for i, p := range s.pieces {
		found[i] = io.NewSectionReader(s.file, p.begin, p.end-p.begin)
	}
	return found, nil
}

func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if e := os.Remove(s.file.Name()); e != nil && !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	s.file = nil
	return err
}
