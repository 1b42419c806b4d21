package s3_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

// plainLister is a service that knows no encoding-type and goes on after the
// key that it gave as token, as it gave it.
func plainLister(t *testing.T, keys ...string) *stub {
	t.Helper()
	slices.Sort(keys)
	return newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Method == http.MethodHead {
			if !slices.Contains(keys, strings.TrimPrefix(r.URL.Path, "/stub/")) {
				w.WriteHeader(http.StatusNotFound)
			}
			return
		}
		q := r.URL.Query()
		most, err := strconv.Atoi(q.Get("max-keys"))
		if err != nil {
			t.Errorf("max-keys: %v", err)
		}
		var page []string
		next := ""
		for _, k := range keys {
			switch {
			case !strings.HasPrefix(k, q.Get("prefix")), k <= q.Get("continuation-token"):
			case len(page) == most:
				next = page[most-1]
			default:
				page = append(page, k)
			}
		}
		write(w, listing(next, false, page...))
	})
}

func TestDriver_List_replacedCharacters(t *testing.T) {
	t.Parallel()
	keys := []string{
		"a/\x01", "a/b\x01", "a/b\x02", "a/b\x02c/d", "a/bb", "a/c", "a/legit\uFFFD", "a/z", "b/\x1f", "c/d", "c/e\uFFFD", "c/\uFFFD",
	}
	want := []string{
		"a/ [NAME]", "a/ [NAME]", "a/ [NAME]", "a/b\uFFFDc/ [NAME]", "a/ [implicit]", "a/bb", "a/c", "a/legit\uFFFD", "a/z", "b/ [NAME]",
		"c/ [implicit]", "c/d", "c/e\uFFFD", "c/\uFFFD",
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "NAME", storage.ErrName.Error(), 1)
	}
	for _, size := range []int{1000, 5, 6, 7, 8, 9} {
		s := plainLister(t, keys...)
		got := listed(t, s.driver(t, func(o *s3.Options) { o.PageSize = size }), "")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("List in pages of %d (-want +got):\n%s", size, diff)
		}
		got = listed(t, s.driver(t, func(o *s3.Options) { o.PageSize = size }), "c/")
		if diff := cmp.Diff(want[10:], got); diff != "" {
			t.Errorf("List of c/ in pages of %d (-want +got):\n%s", size, diff)
		}
	}
}

// A listing that cannot be trusted as a whole ends with an error: what is
// missing from it would be taken for deleted.
func TestDriver_List_replacedCharactersEndIt(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{
		"in the root":  {"\x01", "a", "b"},
		"a whole page": {"a/\x01", "a/\x02", "a/\x03", "a/b"},
	} {
		d := plainLister(t, keys...).driver(t, func(o *s3.Options) { o.PageSize = 2 })
		var last error
		for e, err := range d.List(t.Context(), storage.List{}) {
			if last = err; e.Path != "" {
				t.Errorf("%s: %q is listed", name, e.Path)
			}
		}
		if last == nil {
			t.Errorf("%s: List ended without an error", name)
		}
	}
}
