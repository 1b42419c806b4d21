package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// replacement is what stands in a listing for a character that XML cannot hold.
const replacement = "\uFFFD"

// Services that ignore encoding-type, the embedded one among them, list a key
// with such a character under a name that is not its own: it is out of order,
// nothing can be read by it, and a page that ends with it is continued at the
// wrong place.

// misnamed reports whether a key of the page is another one in truth. Keys may
// hold U+FFFD themselves, so that the service is asked.
func (d *Driver) misnamed(ctx context.Context, p *page, key string) (bool, error) {
	if p.encoded || !strings.Contains(key, replacement) {
		return false, nil
	}
	_, err := d.discard(ctx, request{method: http.MethodHead, key: key})
	switch kind := kindOf(err); {
	case errors.Is(kind, storage.ErrNotExist):
		return true, nil
	case errors.Is(kind, storage.ErrDenied):
		return false, nil // listing was allowed, and may be right
	}
	return false, err
}

// resumable returns p, or as much of it as ends with a key that the next page
// can follow.
func (d *Driver) resumable(ctx context.Context, prefix, token string, p *page) (*page, error) {
	if p.next == "" || p.encoded || len(p.items) == 0 || !strings.Contains(p.next, replacement) {
		return p, nil
	}
	n := len(p.items)
	for n > 0 && strings.Contains(p.items[n-1].key, replacement) {
		n--
	}
	if n > 0 {
		return d.page(ctx, prefix, token, n)
	}
	last := p.items[len(p.items)-1].key
	wrong, err := d.misnamed(ctx, p, last)
	if err == nil && wrong {
		err = fmt.Errorf("service cannot go on after a key with characters that its listing cannot hold, listed as %q", last)
	}
	return p, err
}

// misnamed yields the directory of a key whose name nobody knows, as one that
// is not known as a whole, and reports whether to go on. In the root that is
// the whole listing.
func (l *lister) misnamed(root, key string) bool {
	path := strings.TrimPrefix(key, root)
	dir := path[:strings.LastIndexByte(path, '/')+1]
	err := &storage.PathError{
		Op: "list", Path: dir, Kind: storage.ErrName,
		Err: fmt.Errorf("a key has characters that the service's listing cannot hold, listed as %q", key),
	}
	if dir == "" {
		err.Path = path
	}
	return l.yield(storage.Entry{Path: dir}, err) && dir != ""
}
