package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// pageLimit bounds a page: 1,000 keys of 1 KiB, each byte escaped, and more.
const pageLimit = 16 << 20

// page fetches one page of keys that begin with prefix.
func (d *Driver) page(ctx context.Context, prefix, token string, size int) (*page, error) {
	query := "encoding-type=url&list-type=2&max-keys=" + strconv.Itoa(size)
	if token != "" {
		query = "continuation-token=" + escapeQuery(token) + "&" + query
	}
	if prefix != "" {
		query += "&prefix=" + escapeQuery(prefix)
	}
	body, err := d.fetch(ctx, request{method: "GET", query: query}, pageLimit)
	if err != nil {
		return nil, err
	}
	return parsePage(body)
}

type pageResult struct {
	page *page
	err  error
}

// pages fetches ahead: while one page is used, the next is on its way.
func (d *Driver) pages(ctx context.Context, prefix string) <-chan pageResult {
	results := make(chan pageResult)
	go func() {
		defer close(results)
		for token := ""; ; {
			p, err := d.page(ctx, prefix, token, d.opts.PageSize)
			if err == nil {
				p, err = d.resumable(ctx, prefix, token, p)
			}
			if err == nil && p.next != "" && p.next == token {
				err = errors.New("listing repeats itself")
			}
			select {
			case results <- pageResult{p, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || p.next == "" {
				return
			}
			token = p.next
		}
	}()
	return results
}

// List yields keys in the service's order, which must be that of bytes, with
// the directories they imply. Keys that are no paths are yielded with ErrName.
func (d *Driver) List(ctx context.Context, q storage.List) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if strings.HasPrefix(q.Prefix, "/") || strings.IndexByte(q.Prefix, 0) >= 0 {
			return // nothing that is a path begins like this
		}
		inner, cancel := context.WithCancel(ctx)
		results := d.pages(inner, d.opts.Prefix+q.Prefix)
		defer func() {
			cancel()
			for range results { // waits for the goroutine to end
			}
		}()
		l := lister{prefix: q.Prefix, yield: yield}
		for r := range results {
			if r.err != nil {
				yield(storage.Entry{}, pathError("list", q.Prefix, r.err))
				return
			}
			for i := range r.page.items {
				it := &r.page.items[i]
				switch wrong, err := d.misnamed(inner, r.page, it.key); {
				case err != nil:
					yield(storage.Entry{}, pathError("list", it.key, err))
					return
				case wrong && !l.misnamed(d.opts.Prefix, it.key), !wrong && !l.item(d.opts.Prefix, it):
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Entry{}, err)
		}
	}
}

// lister turns keys into entries.
type lister struct {
	prefix string
	yield  func(storage.Entry, error) bool
	// last is the last key's path; dir the last directory yielded or implied.
	last, dir string
	began     bool
}

// item yields one key, after the directories it implies. It reports whether
// to go on.
func (l *lister) item(root string, it *item) bool {
	path, ok := strings.CutPrefix(it.key, root)
	if !ok || l.began && path <= l.last {
		l.yield(storage.Entry{}, &storage.PathError{Op: "list", Path: it.key, Err: fmt.Errorf("keys are not in byte order: after %q", l.last)})
		return false
	}
	l.began, l.last = true, path
	if path == "" || inWorkFolder(path) {
		return true // the root's own marker; what is ours
	}
	trimmed, isDir := strings.CutSuffix(path, "/")
	if reason := pathReason(trimmed); reason != "" {
		return l.yield(storage.Entry{Path: path}, &storage.PathError{Op: "list", Path: path, Kind: storage.ErrName, Err: errors.New(reason)})
	}
	if !l.parents(path, trimmed) {
		return false
	}
	e := storage.Entry{Path: path, ModTime: it.modTime, ETag: it.etag}
	if isDir {
		e.Kind = storage.Dir
		l.dir = path
	} else {
		e.Size = it.size
	}
	return l.yield(e, nil)
}

// parents yields the directories above path that were not yielded yet.
func (l *lister) parents(path, trimmed string) bool {
	end := strings.LastIndexByte(trimmed, '/') + 1
	if strings.HasPrefix(l.dir, path[:end]) {
		// Inside the last directory, or beside it, or back above it.
		l.dir = path[:end]
		return true
	}
	// Only the directories beyond what both paths share are new.
	shared := 0
	for i := 0; i < end && i < len(l.dir) && path[i] == l.dir[i]; i++ {
		if path[i] == '/' {
			shared = i + 1
		}
	}
	for i := shared; i < end; i++ {
		if path[i] != '/' || !strings.HasPrefix(path[:i+1], l.prefix) {
			continue
		}
		if !l.yield(storage.Entry{Path: path[:i+1], Kind: storage.Dir, Implicit: true}, nil) {
			return false
		}
	}
	l.dir = path[:end]
	return true
}
