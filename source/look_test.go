package source_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
	"github.com/hikyaku/hikyaku/source"
)

// TestS3_Look runs on the embedded S3 and on moto's.
func TestS3_Look(t *testing.T) { //nolint:paralleltest // the gateway changes the process's folder
	tests := map[string]func(t *testing.T, c *s3.Client, n *counter){
		"selects":                 selects,
		"counts and budget":       countsAndBudget,
		"jumps over siblings":     jumpsOverSiblings,
		"many paths":              manyPaths,
		"marker":                  marker,
		"missing bucket":          missingBucket,
		"keys of every character": oddKeys,
	}
	onMoto := func(t *testing.T) endpoint { t.Helper(); return endpoint{mototest.Start(t), "AKADMIN", "secret"} }
	for server, start := range map[string]func(*testing.T) endpoint{"gateway": gateway, "moto": onMoto} {
		t.Run(server, func(t *testing.T) {
			e := start(t)
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					if server == "gateway" && name == "jumps over siblings" {
						return // on a file system nothing is a file and a folder
					}
					c, n := e.client()
					test(t, c, n)
				})
			}
		})
	}
}

func selects(t *testing.T, c *s3.Client, n *counter) {
	t.Helper()
	bucket(
		t, c, "selects",
		"orders/A-1/a.txt", "orders/A-1/sub/b.txt", "orders/A-1/sub/deep/c.txt", "orders/A-1/sub.txt",
		"orders/A-1.txt", "orders/A-12/x", "orders/B/y", "orders/C", "orders/empty/", "other/A-1/z", "A-1/root",
		"orders/2026/A-1.d/in/w",
	)
	for _, test := range []struct {
		include, id string
		paths       []string
		want        int64
		requests    int64
	}{
		{"/{id}/*", "A-1", nil, 4, 1},
		{"/{id}/*", "A-12", nil, 1, 1},
		{"/{id}/*", "A", nil, 0, 1},
		{"/{id}/*", "nothing", nil, 0, 1},
		{"/{id}/*", "empty", nil, 0, 1},
		{"/{id}/*", "B", nil, 1, 1},
		{"/{id}", "B", nil, 1, 1},
		{"/{id}", "C", nil, 1, 1},
		{"/{id}/*", "C", nil, 0, 1},
		{"/{id}", "A-1", nil, 4, 1},
		{"/{id}", "A-1.txt", nil, 1, 1},
		{"/{id}", "A", nil, 0, 1},
		{"/2026/{id}.d/*", "A-1", nil, 1, 1},
		{"/{id}/*", "A-1/sub", nil, 2, 1},
		{"/{id}", "A-1/sub", nil, 2, 1},
		{"/{id}/*", "A-1/su", nil, 0, 1},
		{"/{id}/*", "A-1/sub", []string{"deep", "b.txt"}, 2, 2},
		{"/{id}/*", "2026/A-1.d/in", nil, 1, 1},
		{"/{id}.d/*", "2026/A-1", nil, 1, 1},
		{"/{id}/*", "A-1", []string{"a.txt"}, 1, 1},
		{"/{id}/*", "A-1", []string{"sub"}, 2, 1},
		{"/{id}/*", "A-1", []string{"/sub/", "sub/b.txt", "a.txt", "a.txt"}, 3, 2},
		{"/{id}/*", "A-1", []string{"a"}, 0, 1},
	} {
		before := n.n.Load()
		got, err := source.New(c, source.Options{}).Look(t.Context(), route("selects", test.include), test.id, test.paths)
		if err != nil {
			t.Errorf("%s of %s: %v", test.include, test.id, err)
			continue
		}
		if got.Objects != test.want || !got.Listed || got.Truncated {
			t.Errorf("%s of %s narrowed to %v = %+v, want %d objects", test.include, test.id, test.paths, got, test.want)
		}
		if requests := n.n.Load() - before; requests != test.requests {
			t.Errorf("%s of %s narrowed to %v took %d requests, want %d", test.include, test.id, test.paths, requests, test.requests)
		}
	}
}

func countsAndBudget(t *testing.T, c *s3.Client, n *counter) {
	t.Helper()
	keys := make([]string, 25)
	for i := range keys {
		keys[i] = fmt.Sprintf("orders/A-1/%02d", i) // 13 bytes each
	}
	bucket(t, c, "counts", keys...)
	got, err := source.New(c, source.Options{}).Look(t.Context(), route("counts", "/{id}/*"), "A-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if since := time.Since(got.Newest).Abs(); since > time.Minute || got.Newest.Location() != time.UTC {
		t.Errorf("Newest = %v, want about now in UTC", got.Newest)
	}
	if diff := cmp.Diff(hikyaku.Look{Listed: true, Objects: 25, Bytes: 25 * 13, Newest: got.Newest}, got); diff != "" {
		t.Errorf("Look (-want +got):\n%s", diff)
	}
	for budget, want := range map[int]hikyaku.Look{
		10: {Listed: true, Objects: 10, Bytes: 130, Truncated: true},
		25: {Listed: true, Objects: 25, Bytes: 325},
		1:  {Listed: true, Objects: 1, Bytes: 13, Truncated: true},
	} {
		before := n.n.Load()
		got, err := source.New(c, source.Options{Budget: budget}).Look(t.Context(), route("counts", "/{id}/*"), "A-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		want.Newest = got.Newest
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with budget %d (-want +got):\n%s", budget, diff)
		}
		if requests := n.n.Load() - before; requests != 1 {
			t.Errorf("budget %d took %d requests, want 1", budget, requests)
		}
	}
}

func jumpsOverSiblings(t *testing.T, c *s3.Client, _ *counter) {
	t.Helper()
	keys := []string{"orders/A"}
	for i := range 30 { // "-" sorts before "/"
		keys = append(keys, fmt.Sprintf("orders/A-%02d/x", i))
	}
	bucket(t, c, "siblings", append(keys, "orders/A/1", "orders/A/2", "orders/A0")...)
	got, err := source.New(c, source.Options{Budget: 20}).Look(t.Context(), route("siblings", "/{id}"), "A", nil)
	if err != nil || got.Objects < 2 {
		t.Errorf("Look = %+v, %v; want the object and something of the folder", got, err)
	}
	got, err = source.New(c, source.Options{}).Look(t.Context(), route("siblings", "/{id}"), "A", nil)
	if err != nil || got.Objects != 3 || got.Truncated {
		t.Errorf("Look = %+v, %v; want three objects", got, err)
	}
}

func manyPaths(t *testing.T, c *s3.Client, n *counter) {
	t.Helper()
	var keys, paths []string
	for i := range 20 {
		keys = append(keys, fmt.Sprintf("orders/A-1/%02d/f", i))
		if i >= 8 {
			paths = append(paths, fmt.Sprintf("%02d", i))
		}
	}
	bucket(t, c, "paths", keys...)
	before := n.n.Load()
	got, err := source.New(c, source.Options{}).Look(t.Context(), route("paths", "/{id}/*"), "A-1", paths)
	if err != nil || got.Objects != 12 {
		t.Errorf("Look = %+v, %v; want 12 objects", got, err)
	}
	if requests := n.n.Load() - before; requests != 1 {
		t.Errorf("it took %d requests, want 1", requests)
	}
	// The budget ends before the first wanted path: that is not missing.
	got, err = source.New(c, source.Options{Budget: 5}).Look(t.Context(), route("paths", "/{id}/*"), "A-1", paths)
	if err != nil || got.Objects == 0 || !got.Truncated {
		t.Errorf("Look with a small budget = %+v, %v; want something found, truncated", got, err)
	}
}

func marker(t *testing.T, c *s3.Client, _ *counter) {
	t.Helper()
	bucket(
		t, c, "marker", "orders/done/a", "orders/done/b", "orders/done/_DONE", "orders/done/~/later",
		"orders/open/a", "orders/open/_DONE.txt", "orders/open/sub/_DONE",
	)
	for _, test := range []struct {
		id     string
		paths  []string
		budget int
		want   bool
	}{
		{"done", nil, 0, true},
		{"done", []string{"a"}, 0, true},
		{"done", []string{"~"}, 1, true},
		{"open", nil, 0, false},
		{"open", []string{"a"}, 0, false},
		{"nothing", nil, 0, false},
	} {
		r := route("marker", "/{id}/*")
		r.Ready.Marker = "_DONE"
		got, err := source.New(c, source.Options{Budget: test.budget}).Look(t.Context(), r, test.id, test.paths)
		if err != nil || got.Marker != test.want {
			t.Errorf("%s narrowed to %v: %+v, %v; want marker %v", test.id, test.paths, got, err, test.want)
		}
		if test.paths != nil && got.Objects != 1 {
			t.Errorf("%s narrowed to %v counts %d objects, want 1: the marker is none of them", test.id, test.paths, got.Objects)
		}
	}
}

func missingBucket(t *testing.T, c *s3.Client, _ *counter) {
	t.Helper()
	_, err := source.New(c, source.Options{}).Look(t.Context(), route("no-such-bucket", "/{id}/*"), "A-1", nil)
	var e *hikyaku.Error
	if !errors.As(err, &e) || e.Kind != hikyaku.KindNotFound || e.Subject != "s3://no-such-bucket/orders/A-1/" {
		t.Errorf("Look = %v, want not_found about the bucket", err)
	}
}

func oddKeys(t *testing.T, c *s3.Client, _ *counter) {
	t.Helper()
	for _, id := range []string{"A 1+2", "é箱%41", `a&b<c>"'`, "*", "100%"} {
		keys := []string{"orders/" + id + "/x y+z%20.txt", "orders/" + id + "/é"}
		name := fmt.Sprintf("odd-%x", id)
		bucket(t, c, name, keys...)
		got, err := source.New(c, source.Options{}).Look(t.Context(), route(name, "/{id}/*"), id, nil)
		if err != nil || got.Objects != 2 {
			t.Errorf("%q: Look = %+v, %v; want two objects", id, got, err)
		}
		got, err = source.New(c, source.Options{}).Look(t.Context(), route(name, "/{id}/*"), id, []string{"x y+z%20.txt"})
		if err != nil || got.Objects != 1 {
			t.Errorf("%q narrowed: Look = %+v, %v; want one object", id, got, err)
		}
	}
}

func TestS3_Look_otherSourcesAreNotListed(t *testing.T) {
	t.Parallel()
	c := stub(t, func(*http.Request) (int, string) {
		t.Error("somebody was asked")
		return http.StatusOK, ""
	})
	for _, place := range []string{"file:///srv/orders", "nfs://filer/export", "", "s3://"} {
		r := hikyaku.Route{Name: "orders", Source: place, Include: "/{id}/*"}
		got, err := source.New(c, source.Options{}).Look(t.Context(), r, "A-1", nil)
		if err != nil || got != (hikyaku.Look{}) {
			t.Errorf("Look at %q = %+v, %v; want nothing listed", place, got, err)
		}
	}
}

func TestS3_Look_refusesAnIncludeThatSelectsNoID(t *testing.T) {
	t.Parallel()
	c := stub(t, func(*http.Request) (int, string) { return http.StatusOK, "" })
	for _, include := range []string{"", "/*", "/orders/*", "/{id}*", "*/{id}", "/{id}/{id}", `/{id}/a|b`} {
		_, err := source.New(c, source.Options{}).Look(t.Context(), route("b", include), "A-1", nil)
		if got := hikyaku.KindOf(err); got != hikyaku.KindInvalid {
			t.Errorf("include %q: %v, want invalid", include, err)
		}
	}
}

func TestS3_Look_leavesOutWhatDataSyncDoes(t *testing.T) {
	t.Parallel()
	c := stub(t, func(*http.Request) (int, string) {
		body := "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
		for _, key := range []string{
			"A-1/a%01b+c", "A-1/.snapshot", "A-1/x.snapshot", "A-1/.snapshot/y", "A-1/", "A-1/sub/", "A-1/d",
		} {
			size := 7
			if key[len(key)-1] == '/' {
				size = 0
			}
			body += fmt.Sprintf("<Contents><Key>%s</Key><Size>%d</Size><LastModified>2026-11-22T10:00:00.000Z</LastModified></Contents>", key, size)
		}
		return http.StatusOK, body + "</ListBucketResult>"
	})
	r := hikyaku.Route{Source: "s3://outbox", Include: "/{id}/*"}
	got, err := source.New(c, source.Options{}).Look(t.Context(), r, "A-1", nil)
	want := hikyaku.Look{Listed: true, Objects: 2, Bytes: 14, Newest: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Look: %v (-want +got):\n%s", err, diff)
	}
	if got, err = source.New(c, source.Options{}).Look(t.Context(), r, "A-1", []string{"a\x01b c"}); err != nil || got.Objects != 1 {
		t.Errorf("Look at a key of odd characters = %+v, %v; want it decoded once", got, err)
	}
}

func TestS3_Look_kinds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		code   string
		want   hikyaku.Kind
	}{
		{http.StatusNotFound, "NoSuchBucket", hikyaku.KindNotFound},
		{http.StatusForbidden, "AccessDenied", hikyaku.KindDenied},
		{http.StatusForbidden, "InvalidAccessKeyId", hikyaku.KindDenied},
		{http.StatusForbidden, "SignatureDoesNotMatch", hikyaku.KindDenied},
		{http.StatusForbidden, "RequestTimeTooSkewed", hikyaku.KindTransient},
		{http.StatusBadRequest, "ExpiredToken", hikyaku.KindDenied},
		{http.StatusServiceUnavailable, "SlowDown", hikyaku.KindTransient},
		{http.StatusInternalServerError, "InternalError", hikyaku.KindTransient},
		{http.StatusMovedPermanently, "PermanentRedirect", hikyaku.KindInvalid},
		{http.StatusBadRequest, "InvalidBucketName", hikyaku.KindInvalid},
	} {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			c := stub(t, func(*http.Request) (int, string) {
				return test.status, "<Error><Code>" + test.code + "</Code><Message>no</Message></Error>"
			})
			_, err := source.New(c, source.Options{}).Look(t.Context(), route("b", "/{id}/*"), "A-1", nil)
			if got := hikyaku.KindOf(err); got != test.want {
				t.Errorf("kind = %s (%v), want %s", got, err, test.want)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		c, _ := endpoint{"http://" + mototest.FreeAddress(t), "AK", "secret"}.client()
		_, err := source.New(c, source.Options{}).Look(t.Context(), route("b", "/{id}/*"), "A-1", nil)
		if got := hikyaku.KindOf(err); got != hikyaku.KindTransient {
			t.Errorf("kind = %s (%v), want transient", got, err)
		}
	})
}
