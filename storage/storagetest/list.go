package storagetest

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
)

func testProperties(t *testing.T, h Harness) {
	t.Helper()
	p := h.Open(t).Properties()
	if p.Scheme == "" || p.Name == "" {
		t.Errorf("Properties = %+v: scheme and name must be set", p)
	}
	if p.PartSize < 0 || p.MaxFile < 0 {
		t.Errorf("Properties = %+v: negative sizes", p)
	}
}

func testListEmpty(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "/", "/a", "..", "../", "a//", "\x00"} {
		wantPaths(t, "List("+prefix+")", list(t, d, prefix), nil)
	}
}

func testListOrder(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	files := map[string][]byte{}
	for _, p := range []string{"a/b", "a/c/d", "a.txt", "a-b", "a0", "b", "a-b.d/x", "Z", "a/c.x", "a/c-", "a b/c", "~", "é", "A/a"} {
		if d.Properties().CaseInsensitive && p == "A/a" {
			continue
		}
		files[p] = []byte(p)
	}
	put(t, d, files)
	wantPaths(t, "List", list(t, d, ""), withParents(files))
}

// withParents returns paths and their directories in byte order.
func withParents(files map[string][]byte) []string {
	set := map[string]bool{}
	for p := range files {
		set[p] = true
		for i := range len(p) {
			if p[i] == '/' {
				set[p[:i+1]] = true
			}
		}
	}
	all := make([]string, 0, len(set))
	for p := range set {
		all = append(all, p)
	}
	sort.Strings(all)
	return all
}

func testListPrefixes(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	files := map[string][]byte{}
	for _, p := range []string{"a/b/c", "a/b.txt", "a/bc/d", "a/x", "ab/c", "ab", "b", "a.x"} {
		if p != "ab" {
			files[p] = []byte(p)
		}
	}
	put(t, d, files)
	all := withParents(files)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/", "a/bc", "ab", "ab/", "b", "b/", "c", "a/x/", "a/b.", "a/b/cc"} {
		var want []string
		for _, p := range all {
			if strings.HasPrefix(p, prefix) {
				want = append(want, p)
			}
		}
		wantPaths(t, "List("+prefix+")", list(t, d, prefix), want)
	}
}

func testListStops(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"a/b": nil, "a/c": nil, "d": nil})
	var got []string
	for e, err := range d.List(t.Context(), storage.List{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e.Path); len(got) == 2 {
			break
		}
	}
	wantPaths(t, "first two", got, []string{"a/", "a/b"})
}

func testListMany(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	files := map[string][]byte{}
	for i, name := range numbered("f%06d", h.Many) {
		switch i % 10 {
		case 3:
			name = "d" + name[4:6] + "/" + name
		case 4:
			name = "flat." + name
		}
		files[name] = nil
	}
	put(t, d, files)
	want := withParents(files)
	wantPaths(t, "List", list(t, d, ""), want)
	if n := len(list(t, d, "f0")); n < h.Many/2 {
		t.Errorf("List(f0) yields %d entries", n)
	}
}

func testListCancelled(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"a": nil, "b": nil, "c/d": nil})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range d.List(ctx, storage.List{}) {
		last = err
	}
	wantError(t, "List with a cancelled context", last, context.Canceled)
}

func testListEntries(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"d/f": pattern(1234), "empty": nil})
	p := d.Properties()
	for _, e := range entries(t, d, "") {
		switch e.Path {
		case "d/":
			if e.Kind != storage.Dir || e.Size != 0 {
				t.Errorf("directory: %+v", e)
			}
			if e.Implicit == p.Directories {
				t.Errorf("directory is implicit: %v, directories exist on their own: %v", e.Implicit, p.Directories)
			}
		case "d/f", "empty":
			want := int64(1234)
			if e.Path == "empty" {
				want = 0
			}
			if e.Kind != storage.File || e.Size != want || e.ModTime.IsZero() || e.Implicit {
				t.Errorf("file: %+v", e)
			}
			if p.POSIXMetadata && e.POSIX == nil {
				t.Errorf("file without POSIX metadata: %+v", e)
			}
		default:
			t.Errorf("unexpected entry %+v", e)
		}
	}
}

func testDirectories(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"empty/": nil, "deep/er/": nil, "full/": nil, "full/f": []byte("x")})
	put(t, d, map[string][]byte{"empty/": nil}) // once more: no error
	wantPaths(t, "List", list(t, d, ""), []string{"deep/", "deep/er/", "empty/", "full/", "full/f"})
	for _, e := range entries(t, d, "") {
		explicit := d.Properties().Directories || e.Path != "deep/"
		if e.Kind == storage.Dir && e.Implicit == explicit {
			t.Errorf("%q: implicit is %v", e.Path, e.Implicit)
		}
	}
	wantPaths(t, "List(empty/)", list(t, d, "empty/"), []string{"empty/"})
	if e, err := d.Stat(t.Context(), "empty/"); err != nil || e.Kind != storage.Dir || e.Path != "empty/" {
		t.Errorf("Stat(empty/) = %+v, %v", e, err)
	}
}

func testStat(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"a/b": pattern(77)})
	listed := find(t, d, "a/b")
	e, err := d.Stat(t.Context(), "a/b")
	if err != nil {
		t.Fatalf("Stat: %v", err)
	}
	if e.Path != "a/b" || e.Kind != storage.File || e.Size != 77 || e.ETag != listed.ETag {
		t.Errorf("Stat = %+v, listed %+v", e, listed)
	}
	for _, missing := range []string{"x", "a/x", "x/y", "a/b/c", "x/", "a/b/"} {
		_, err := d.Stat(t.Context(), missing)
		wantError(t, "Stat("+missing+")", err, storage.ErrNotExist)
		if pe := (*storage.PathError)(nil); !errors.As(err, &pe) || pe.Path != missing {
			t.Errorf("Stat(%q) error %v carries no path", missing, err)
		}
	}
}

func testRemove(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"a/b": nil, "a/c": nil, "e/": nil, "f": nil})
	remove := func(path string) {
		t.Helper()
		kind := storage.File
		if strings.HasSuffix(path, "/") {
			kind = storage.Dir
		}
		if err := d.Remove(t.Context(), storage.Entry{Path: path, Kind: kind}); err != nil {
			t.Errorf("Remove(%q): %v", path, err)
		}
	}
	remove("f")
	remove("f")
	remove("e/")
	remove("nothing/here")
	remove("a/b")
	want := []string{"a/", "a/c"}
	wantPaths(t, "after Remove", list(t, d, ""), want)
	if d.Properties().Directories {
		if err := d.Remove(t.Context(), storage.Entry{Path: "a/", Kind: storage.Dir}); err == nil {
			t.Error("Remove of a directory that is not empty succeeded")
		}
		wantPaths(t, "after refused Remove", list(t, d, ""), want)
	}
	remove("a/c")
	remove("a/")
	wantPaths(t, "at the end", list(t, d, ""), nil)
}

func testLegalNames(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	files := map[string][]byte{}
	for _, name := range []string{
		" ", "  two  spaces  ", "-leading", "--", "~", "a+b", "a%2Fb", "%", "%zz", "100%", "a&b<c>\"d'", "a?b#c", "a;b,c=d", "back\\slash",
		"café", "cafe\u0301", "日本語/ファイル", "😀", "...", ". .", "..a", "a..", ".hidden", "new\nline", "tab\there", "a:b", "a|b", "a*b", "$HOME", "`x`",
		"a@b", "[x]", "{y}", "x/ /y", "x/-/y", ".hikyaku2", "x/.hikyaku/y", "\u202e", "a\u00a0b", strings.Repeat("n", 255), strings.Repeat("日", 85),
	} {
		if !h.Refuses(name) {
			files[name] = []byte("content of " + name)
		}
	}
	put(t, d, files)
	wantPaths(t, "List", list(t, d, ""), withParents(files))
	for name, want := range files {
		wantBytes(t, name, content(t, d, name), want)
	}
	for name := range files {
		if got := list(t, d, name); !slices.Contains(got, name) {
			t.Errorf("List(%q) = %q", name, got)
		}
		if err := d.Remove(t.Context(), storage.Entry{Path: name}); err != nil {
			t.Errorf("Remove(%q): %v", name, err)
		}
	}
	for _, e := range entries(t, d, "") {
		if e.Kind != storage.Dir {
			t.Errorf("%q is still there", e.Path)
		}
	}
}

func testHostileNames(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "hostile")
	names := []string{
		"", "/", "/a", "a//b", "//", "..", "../a", "a/..", "a/../b", "a/../../b", ".", "./a", "a/.", "a/./b", "a\x00b", "\x00", "a/",
		".hikyaku", ".hikyaku/x/y", strings.Repeat("n", 256) + "/" + strings.Repeat("x/", 4096) + "y",
	}
	for _, name := range names {
		_, err := s.Create(t.Context(), storage.Entry{Path: name})
		wantError(t, "Create("+quoteShort(name)+")", err, storage.ErrName)
		if name != "a/" {
			err = s.MakeDir(t.Context(), storage.Entry{Path: strings.TrimSuffix(name, "/") + "/", Kind: storage.Dir})
			wantError(t, "MakeDir("+quoteShort(name)+")", err, storage.ErrName)
		}
		if err := d.Remove(t.Context(), storage.Entry{Path: name}); err == nil {
			t.Errorf("Remove(%s) succeeded", quoteShort(name))
		}
		if _, err := d.Open(t.Context(), storage.Entry{Path: name}, 0, -1); err == nil {
			t.Errorf("Open(%s) succeeded", quoteShort(name))
		}
	}
	wantPaths(t, "List", list(t, d, ""), nil)
}

func quoteShort(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return s
}
