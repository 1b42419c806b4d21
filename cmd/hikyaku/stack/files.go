package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

const (
	// mergedUpTo is the size of an execution's reports, in bytes, up to which
	// they are held in memory and each file appears once. Of larger ones a page
	// at a time is read, and a file appears once for each report that names it.
	mergedUpTo = 16 << 20
	// filesPerPage is the most that a page has, and what it has by default.
	filesPerPage = 1000
)

// Files returns the results per file, out of the reports that DataSync wrote
// of a transfer's last execution; nil if the stack has no bucket of them.
func (s *Stack) Files() console.FileLister {
	if s.ReportBucket == "" {
		return nil
	}
	return fileLister{client: s3sdk.NewFromConfig(s.cfg), bucket: s.ReportBucket, mergedUpTo: mergedUpTo}
}

type fileLister struct {
	client     *s3sdk.Client
	bucket     string
	mergedUpTo int64
}

// listing is one of an execution's detailed reports.
type listing struct {
	key, kind string
	size      int64
}

// Files lists the files of a transfer's last execution. They are not available
// before DataSync has written its reports, and after the bucket has let them go.
func (l fileLister) Files(ctx context.Context, t hikyaku.Transfer, q console.FileQuery) (console.FileList, error) {
	at, err := parsePlace(q.Token)
	if err != nil {
		return console.FileList{}, err
	}
	prefix, known := reportPrefix(t)
	if !known {
		return console.FileList{}, nil
	}
	reports, err := l.list(ctx, prefix)
	if err != nil || len(reports) == 0 {
		return console.FileList{}, err
	}
	if q.Limit <= 0 || q.Limit > filesPerPage {
		q.Limit = filesPerPage
	}
	size := int64(0)
	for _, r := range reports {
		size += r.size
	}
	if size <= l.mergedUpTo && at.report == "" {
		return l.merged(ctx, reports, q, at)
	}
	return l.paged(ctx, reports, q, at)
}

// reportPrefix is where DataSync puts the detailed reports of a transfer's
// last execution; starts are made with the route's name as the prefix.
func reportPrefix(t hikyaku.Transfer) (string, bool) {
	_, resource, _ := strings.Cut(t.ExecutionARN, ":task/")
	task, execution, found := strings.Cut(resource, "/execution/")
	if !found || task == "" || execution == "" {
		return "", false
	}
	return t.Route + "/Detailed-Reports/" + task + "/" + execution + "/", true
}

// list returns the reports under a prefix in the order of their keys.
func (l fileLister) list(ctx context.Context, prefix string) ([]listing, error) {
	var all []listing
	pages := s3sdk.NewListObjectsV2Paginator(l.client, &s3sdk.ListObjectsV2Input{Bucket: &l.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, wrap("s3:ListBucket", "s3://"+l.bucket+"/"+prefix, err)
		}
		for _, o := range page.Contents {
			if kind, ok := reportKind(aws.ToString(o.Key)); ok {
				all = append(all, listing{aws.ToString(o.Key), kind, aws.ToInt64(o.Size)})
			}
		}
	}
	return all, nil
}

// read calls fn with each file of a report; errStop from it ends the reading.
func (l fileLister) read(ctx context.Context, r listing, fn func(console.File) error) error {
	where := "s3://" + l.bucket + "/" + r.key
	out, err := l.client.GetObject(ctx, &s3sdk.GetObjectInput{Bucket: &l.bucket, Key: &r.key})
	if err != nil {
		return wrap("s3:GetObject", where, err)
	}
	err = readReport(out.Body, r.kind, fn)
	_ = out.Body.Close() // it was only read
	if err != nil && !errors.Is(err, errStop) {
		return fmt.Errorf("read task report %s: %w", where, err)
	}
	return err
}

var errStop = errors.New("enough files were read")

// merged lists each file once, by path, with what all reports say of it.
func (l fileLister) merged(ctx context.Context, reports []listing, q console.FileQuery, at place) (console.FileList, error) {
	files := map[string]console.File{}
	for _, r := range reports {
		err := l.read(ctx, r, func(f console.File) error {
			files[f.Path] = both(files[f.Path], f)
			return nil
		})
		if err != nil {
			return console.FileList{}, err
		}
	}
	list := console.FileList{Files: []console.File{}, Available: true}
	for i, name := range slices.Sorted(maps.Keys(files)) {
		if i < at.offset || q.State != "" && files[name].State != q.State {
			continue
		}
		if len(list.Files) == q.Limit {
			list.NextToken = place{offset: i}.token()
			break
		}
		list.Files = append(list.Files, files[name])
	}
	return list, nil
}

// both is what two reports say of a file: what came last, unless it failed.
// Of two failures it is the first: what was not transferred cannot be verified.
func both(a, b console.File) console.File {
	rank := []string{"", filesSkipped, filesTransferred, filesDeleted, filesVerified, filesFailed}
	if slices.Index(rank, a.State) > slices.Index(rank, b.State) || a.State == filesFailed {
		a, b = b, a
	}
	b.Bytes = cmp.Or(b.Bytes, a.Bytes)
	b.SourceChecksum = cmp.Or(b.SourceChecksum, a.SourceChecksum)
	b.DestinationChecksum = cmp.Or(b.DestinationChecksum, a.DestinationChecksum)
	return b
}

// paged reads on from a place until the page is full.
func (l fileLister) paged(ctx context.Context, reports []listing, q console.FileQuery, at place) (console.FileList, error) {
	list := console.FileList{Files: []console.File{}, Available: true}
	for _, r := range reports {
		name := path.Base(r.key)
		if name < at.report {
			continue
		}
		from, n := 0, 0
		if name == at.report {
			from = at.offset
		}
		err := l.read(ctx, r, func(f console.File) error {
			n++
			if n <= from || q.State != "" && f.State != q.State {
				return nil
			}
			if len(list.Files) == q.Limit {
				list.NextToken = place{n - 1, name}.token()
				return errStop
			}
			list.Files = append(list.Files, f)
			return nil
		})
		if errors.Is(err, errStop) {
			break
		}
		if err != nil {
			return console.FileList{}, err
		}
	}
	return list, nil
}

// place is where a page begins: behind so many files of a report, or of all
// that were merged.
type place struct {
	offset int
	report string
}

func (p place) token() *string { return aws.String(strconv.Itoa(p.offset) + "/" + p.report) }

func parsePlace(token string) (p place, err error) {
	if token == "" {
		return p, nil
	}
	offset, report, found := strings.Cut(token, "/")
	p.report = report
	if p.offset, err = strconv.Atoi(offset); err != nil || !found || p.offset < 0 {
		return p, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "list files", Message: "no such page"}
	}
	return p, nil
}
