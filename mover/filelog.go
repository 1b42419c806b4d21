package mover

import (
	"slices"
	"sync"

	"github.com/hikyaku/hikyaku/engine"
)

// fileLog keeps the first failed items of a run and counts the rest, and the
// first of the others.
type fileLog struct {
	kept int // how many of the others

	mu     sync.Mutex
	failed []FileOutcome
	others []FileOutcome
	total  int64 // how many failed
}

func (l *fileLog) add(f engine.FileResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.Action == engine.ActionFailed {
		l.total++
		if len(l.failed) < MaxFiles {
			l.failed = append(l.failed, outcome(f))
		}
		return
	}
	if len(l.others) < l.kept {
		l.others = append(l.others, outcome(f))
	}
}

// outcome is what is kept of a result.
func outcome(f engine.FileResult) FileOutcome {
	o := FileOutcome{
		Path: f.Path, Kind: f.Kind, Step: f.Step, Size: f.Size, Code: f.Code,
		SourceSum: sumText(f.SourceSum), DestinationSum: sumText(f.DestinationSum),
		Verified: f.Verified, Duration: f.Duration,
	}
	if f.Action != engine.ActionFailed {
		o.Action = f.Action
	}
	if f.Err != nil {
		o.Detail = f.Err.Error()
	}
	return o
}

// all returns the kept items, the failed ones first, and how many failed. An
// item that was transferred or verified and then said more of is there once:
// with its failure, or as it was told of last.
func (l *fileLog) all() (files []FileOutcome, failed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := make(map[string]int, len(l.failed)+len(l.others))
	for i, f := range l.others {
		last[f.Path] = i
	}
	for _, f := range l.failed {
		last[f.Path] = -1
	}
	files = slices.Clone(l.failed)
	for i, f := range l.others {
		if last[f.Path] == i {
			files = append(files, f)
		}
	}
	return files, l.total
}
