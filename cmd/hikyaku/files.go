package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
)

// filesPerPage is the most that a page of files has, and what it has by default.
const filesPerPage = 1000

// fileLister shows the mover's results per file: the first failed ones, and
// after them the first kept_files of the others.
type fileLister struct{ mover *mover.Service }

// Files lists files of a transfer's last execution. A page's token is how many
// of the files that match were listed before it.
func (l fileLister) Files(ctx context.Context, t hikyaku.Transfer, q console.FileQuery) (console.FileList, error) {
	list := console.FileList{Files: []console.File{}, Available: true}
	skip := 0
	if q.Token != "" {
		n, err := strconv.Atoi(q.Token)
		if err != nil || n < 0 {
			return list, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "list files", Message: "the token is not one that a page gave"}
		}
		skip = n
	}
	if t.ExecutionARN == "" {
		return list, nil
	}
	if q.Limit <= 0 || q.Limit > filesPerPage {
		q.Limit = filesPerPage
	}
	kept, _, err := l.mover.Files(ctx, t.ExecutionARN)
	if err != nil {
		return list, fmt.Errorf("files of %s: %w", t.ExecutionARN, err)
	}
	matched := 0
	for _, f := range kept {
		if q.State != "" && q.State != fileState(f) {
			continue
		}
		if matched++; matched <= skip {
			continue
		}
		if len(list.Files) == q.Limit {
			list.NextToken = new(strconv.Itoa(matched - 1))
			break
		}
		list.Files = append(list.Files, shownFile(f))
	}
	return list, nil
}

// searchedExecutions bounds how many executions a search for a file finds.
const searchedExecutions = 1000

// ExecutionsWithFile implements console.FileSearcher.
func (l fileLister) ExecutionsWithFile(ctx context.Context, text string) ([]string, error) {
	return l.mover.ExecutionsWithFile(ctx, text, searchedExecutions)
}

// shownFile is a kept file as the console shows it.
func shownFile(f mover.FileOutcome) console.File {
	shown := console.File{
		Path: f.Path, State: fileState(f), Bytes: f.Size, Seconds: f.Duration.Seconds(),
		SourceChecksum: f.SourceSum, DestinationChecksum: f.DestinationSum,
	}
	if f.Failed() || f.Detail != "" { // one may be skipped for an error
		failure := hikyaku.NewFailure(hikyaku.Classify(string(f.Code), f.Detail).Code, f.Detail, string(f.Code))
		shown.Failure = &failure
	}
	return shown
}

// fileState is an outcome in the console's words.
func fileState(f mover.FileOutcome) string {
	switch {
	case f.Failed():
		return "failed"
	case f.Action == engine.ActionTransferred && f.Verified:
		return "verified"
	}
	return strings.ToLower(string(f.Action)) // transferred, verified, skipped or deleted
}
