package source

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/hikyaku/hikyaku"
)

// Options configure an S3 source. The zero value is usable.
type Options struct {
	// Budget is how many keys one look lists at most; 0 is 10,000.
	Budget int
}

// S3 looks at buckets. Its methods may be called concurrently.
type S3 struct {
	client *s3.Client
	budget int
}

var _ hikyaku.Source = (*S3)(nil)

// New returns a source that lists with client.
func New(client *s3.Client, o Options) *S3 {
	if o.Budget <= 0 {
		o.Budget = 10_000
	}
	return &S3{client: client, budget: o.Budget}
}

// Look lists what the route's include filter selects for id, narrowed to
// paths below it unless they are nil. Objects counts files; folder markers
// (empty objects whose key ends in "/") and what DataSync never copies are
// left out. A source that is no bucket is not listed.
func (s *S3) Look(ctx context.Context, r hikyaku.Route, id string, paths []string) (hikyaku.Look, error) {
	bucket, prefix, ok := splitBucket(r.Source)
	if !ok {
		return hikyaku.Look{}, nil
	}
	where, err := selectionOf(r, prefix, id)
	if err != nil {
		return hikyaku.Look{}, err
	}
	l := &look{client: s.client, bucket: bucket, prefix: prefix, left: s.budget, marker: where.marker(r.Ready.Marker)}
	l.found.Listed = true
	switch {
	case len(paths) == 0 && where.folderOnly:
		err = l.folder(ctx, where.base+"/", nil)
	case len(paths) == 0:
		err = l.item(ctx, where.base)
	case len(paths) <= eachPath:
		for _, path := range clean(paths) {
			if err = l.item(ctx, where.base+"/"+path); err != nil {
				break
			}
		}
	default:
		err = l.many(ctx, where.base+"/", clean(paths))
	}
	if err == nil && l.marker != "" && !l.found.Marker {
		err = l.findMarker(ctx)
	}
	if err != nil {
		return hikyaku.Look{}, err
	}
	return l.found, nil
}

// eachPath is up to how many paths are listed one by one; more of them are
// picked out of one listing of the whole ID.
const eachPath = 8

// pageSize is the most keys that S3 returns at once.
const pageSize = 1000

// look is one look in progress.
type look struct {
	client         *s3.Client
	bucket, prefix string
	marker         string // key, empty if the route has none
	left           int    // keys that may still be listed
	found          hikyaku.Look
}

// folder counts the objects below dir, which ends in "/", that keep selects by
// their path below it; nil selects all.
func (l *look) folder(ctx context.Context, dir string, keep func(path string) bool) error {
	in := &s3.ListObjectsV2Input{Prefix: &dir}
	for {
		more, err := l.page(ctx, in, func(key string, o types.Object) bool {
			if keep == nil || keep(strings.TrimPrefix(key, dir)) {
				l.count(key, o)
			}
			return true
		})
		if err != nil || !more {
			return err
		}
	}
}

// item counts the object named key and, as DataSync does, everything below
// the folder of that name. Its siblings of the same beginning (A-1.txt beside
// A-1) sort between the two; when they fill a page they are jumped over.
func (l *look) item(ctx context.Context, key string) error {
	if l.found.Objects == 0 {
		l.left = max(l.left, 1) // what others took of the budget must not make it look missing
	}
	dir := key + "/"
	in := &s3.ListObjectsV2Input{Prefix: &key}
	last := ""
	more, err := l.page(ctx, in, func(k string, o types.Object) bool {
		last = k
		if k == key || strings.HasPrefix(k, dir) {
			l.count(k, o)
		}
		return k <= dir || strings.HasPrefix(k, dir)
	})
	switch {
	case err != nil, !more:
		return err
	case strings.HasPrefix(last, dir):
		return l.rest(ctx, dir, in.ContinuationToken)
	}
	l.left = max(l.left, 1) // nor must siblings
	return l.folder(ctx, dir, nil)
}

// many picks paths out of one listing of dir. If the budget ends before any of
// them was seen, the first ones are asked for by name, so that what lies far
// down a huge folder does not look missing.
func (l *look) many(ctx context.Context, dir string, paths []string) error {
	if err := l.folder(ctx, dir, pathFilter(paths)); err != nil {
		return err
	}
	if !l.found.Truncated || l.found.Objects > 0 {
		return nil
	}
	for _, path := range paths[:min(len(paths), eachPath)] {
		if err := l.item(ctx, dir+path); err != nil || l.found.Objects > 0 {
			return err
		}
	}
	return nil
}

// rest goes on counting in dir where a listing of its parent stopped.
func (l *look) rest(ctx context.Context, dir string, token *string) error {
	parent := strings.TrimSuffix(dir, "/")
	in := &s3.ListObjectsV2Input{Prefix: &parent, ContinuationToken: token}
	for {
		more, err := l.page(ctx, in, func(k string, o types.Object) bool {
			if !strings.HasPrefix(k, dir) {
				return false
			}
			l.count(k, o)
			return true
		})
		if err != nil || !more {
			return err
		}
	}
}

// page lists one page, within the budget, and moves in to the next. It
// reports more while there is something left to list; visit ends the listing
// by returning false.
func (l *look) page(ctx context.Context, in *s3.ListObjectsV2Input, visit func(key string, o types.Object) bool) (more bool, err error) {
	if l.left <= 0 {
		l.found.Truncated = true
		return false, nil
	}
	in.Bucket = &l.bucket
	in.EncodingType = types.EncodingTypeUrl
	in.MaxKeys = aws.Int32(int32(min(l.left, pageSize)))
	out, err := l.client.ListObjectsV2(ctx, in)
	if err != nil {
		return false, wrap("list", "s3://"+l.bucket+"/"+aws.ToString(in.Prefix), err)
	}
	l.left -= len(out.Contents)
	for _, o := range out.Contents {
		key, err := decode(aws.ToString(o.Key), out.EncodingType)
		if err != nil {
			return false, wrap("list", "s3://"+l.bucket+"/"+aws.ToString(in.Prefix), err)
		}
		if !visit(key, o) {
			return false, nil
		}
	}
	in.ContinuationToken = out.NextContinuationToken
	return aws.ToBool(out.IsTruncated) && aws.ToString(out.NextContinuationToken) != "", nil
}

// count adds one selected object.
func (l *look) count(key string, o types.Object) {
	size := aws.ToInt64(o.Size)
	if neverCopied("/"+strings.TrimPrefix(key, l.prefix)) || size == 0 && strings.HasSuffix(key, "/") {
		return
	}
	l.found.Objects++
	l.found.Bytes += size
	if o.LastModified != nil && o.LastModified.After(l.found.Newest) {
		l.found.Newest = o.LastModified.UTC()
	}
	if l.marker != "" && key == l.marker {
		l.found.Marker = true
	}
}

// findMarker asks for the marker alone: the listing was narrowed to paths, or
// stopped before it. The budget does not count here.
func (l *look) findMarker(ctx context.Context) error {
	l.left = max(l.left, 1)
	truncated := l.found.Truncated
	in := &s3.ListObjectsV2Input{Prefix: &l.marker}
	_, err := l.page(ctx, in, func(key string, _ types.Object) bool {
		l.found.Marker = key == l.marker
		return false
	})
	l.found.Truncated = truncated
	return err
}
