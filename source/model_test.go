package source_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hikyaku/hikyaku/source"
)

// pageOfThree is a listing that gives out three keys at a time at most.
const pageOfThree = 3

// list answers ListObjectsV2 over sorted keys, each an object of one byte.
func list(keys []string, q url.Values) string {
	limit := pageOfThree
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		limit = min(limit, n)
	}
	var body strings.Builder
	n, last := 0, ""
	truncated := false
	for _, key := range keys {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= q.Get("continuation-token") {
			continue
		}
		if n == limit {
			truncated = true
			break
		}
		n++
		last = key
		_, _ = fmt.Fprintf(&body, "<Contents><Key>%s</Key><Size>1</Size></Contents>", url.QueryEscape(key))
	}
	next := ""
	if truncated {
		next = "<NextContinuationToken>" + last + "</NextContinuationToken>"
	}
	return fmt.Sprintf("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>%s%s</ListBucketResult>",
		truncated, next, body.String())
}

// below reports whether key is name or in the folder of that name.
func below(key, name string) bool { return key == name || strings.HasPrefix(key, name+"/") }

// TestS3_Look_model compares looks with a plain walk over all keys.
func TestS3_Look_model(t *testing.T) {
	t.Parallel()
	part := rapid.StringMatching(`[ab!.0-]{1,3}`) // "!", "-" and "." sort before "/", "0" after
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), "/")
		}), 0, 25, rapid.ID).Draw(t, "keys")
		slices.Sort(keys)
		id := strings.Join(rapid.SliceOfN(part, 1, 2).Draw(t, "id"), "/")
		include := rapid.SampledFrom([]string{"/{id}", "/{id}/*"}).Draw(t, "include")
		paths := rapid.SliceOfN(rapid.StringMatching(`[ab!.0-]{1,2}(/[ab]{1,2})?`), 0, 12).Draw(t, "paths")

		var want int64
		for _, key := range keys {
			selected := len(paths) == 0 && below(key, id) && (include == "/{id}" || key != id)
			for _, path := range paths {
				selected = selected || below(key, id+"/"+path)
			}
			if selected {
				want++
			}
		}
		look := func(budget int) (objects int64, truncated bool) {
			c := s3Of(func(r *http.Request) (int, string) { return http.StatusOK, list(keys, r.URL.Query()) })
			r := route("b", include)
			r.Source = "s3://b"
			got, err := source.New(c, source.Options{Budget: budget}).Look(context.Background(), r, id, paths)
			if err != nil {
				t.Fatalf("Look: %v", err)
			}
			return got.Objects, got.Truncated
		}
		if got, truncated := look(0); got != want || truncated {
			t.Fatalf("%s of %q narrowed to %q in %q: %d objects, truncated %v; want %d", include, id, paths, keys, got, truncated, want)
		}
		budget := rapid.IntRange(1, 30).Draw(t, "budget")
		got, truncated := look(budget)
		switch {
		case got > want, !truncated && got != want:
			t.Fatalf("with budget %d: %d objects, truncated %v; there are %d", budget, got, truncated, want)
		case len(paths) <= 8 && want > 0 && got == 0:
			t.Fatalf("with budget %d: what is there looks missing", budget)
		}
	})
}

func BenchmarkS3_Look(b *testing.B) {
	keys := make([]string, pageOfThree)
	for i := range keys {
		keys[i] = fmt.Sprintf("orders/A-1/%d", i)
	}
	c := s3Of(func(r *http.Request) (int, string) { return http.StatusOK, list(keys, r.URL.Query()) })
	s := source.New(c, source.Options{})
	for b.Loop() {
		if got, err := s.Look(b.Context(), route("b", "/{id}/*"), "A-1", nil); err != nil || got.Objects != pageOfThree {
			b.Fatalf("Look = %+v, %v", got, err)
		}
	}
}
