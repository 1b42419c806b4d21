package hikyaku_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
)

// matches is a reference for DataSync's include filters: patterns joined by
// "|", "\" escapes, "*" as the last character matches anything; a pattern
// without it selects that path and everything below.
func matches(filter, path string) bool {
	var patterns []string
	var literal strings.Builder
	wild, escaped := false, false
	var wilds []bool
	end := func() {
		patterns, wilds = append(patterns, literal.String()), append(wilds, wild)
		literal.Reset()
		wild = false
	}
	for _, c := range filter {
		switch {
		case escaped:
			literal.WriteRune(c)
			escaped = false
		case c == '\\':
			escaped = true
		case c == '|':
			end()
		case c == '*':
			wild = true
		default:
			literal.WriteRune(c)
		}
	}
	end()
	for i, p := range patterns {
		if wilds[i] && strings.HasPrefix(path, p) || !wilds[i] && (path == p || strings.HasPrefix(path, p+"/")) {
			return true
		}
	}
	return false
}

func FuzzFilter(f *testing.F) {
	f.Add("A-1", "A-12", "x.txt", "")
	f.Add("A-1", "A-1", "x.txt", "x.txt")
	f.Add(`a*b|c\`, `a*b|c\`, "x", "")
	f.Add(`\`, `|`, "*", "*")
	f.Add("*", "anything", "a/b", "a")
	f.Add("a/b", "a", "b/c", "b")
	f.Add("a", "a/b", "c", "d")
	f.Add("a/b", "a/bc", "x", "y/z")
	f.Add("2026/11/A-1", "2026/11", "A-1", "A-1")
	f.Fuzz(func(t *testing.T, id, other, file, listed string) {
		r := hikyaku.Route{Name: "r", Include: "/{id}/*", IDPattern: `(?s).*`}
		if r.CheckID(id) != nil || r.CheckID(other) != nil || file == "" {
			return // not an id
		}
		filter, err := hikyaku.Filter(r, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		// What belongs to an ID lies below it, whatever other ID it belongs to too.
		if got, want := matches(filter, "/"+other+"/"+file), strings.HasPrefix(other+"/"+file, id+"/"); got != want {
			t.Fatalf("filter %q of %q matches the file %q of %q: %t", filter, id, file, other, got)
		}
		if !matches(filter, "/"+id+"/"+file) {
			t.Fatalf("filter %q of %q does not match its file %q", filter, id, file)
		}
		single, err := hikyaku.Filter(hikyaku.Route{Name: "r", Include: "/{id}"}, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := matches(single, "/"+other), strings.HasPrefix(other+"/", id+"/"); got != want {
			t.Fatalf("filter %q of %q matches the object %q: %t", single, id, other, got)
		}
		narrow, err := hikyaku.Filter(r, id, []string{listed})
		if err != nil {
			return
		}
		if !matches(narrow, "/"+id+"/"+listed) || matches(narrow, "/"+id+"/"+listed+"x") ||
			matches(narrow, "/"+other+"/"+listed) != strings.HasPrefix(other+"/"+listed+"/", id+"/"+listed+"/") {
			t.Fatalf("filter %q of %q narrowed to %q", narrow, id, listed)
		}
	})
}

func TestFilter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		include, id string
		paths       []string
		want, code  string
	}{
		"folder":          {include: "/{id}/*", id: "A-1", want: "/A-1/*"},
		"object":          {include: "/{id}", id: "A-1", want: "/A-1"},
		"below":           {include: "/in/{id}/data/*", id: "A", want: "/in/A/data/*"},
		"suffix":          {include: "/{id}.zip", id: "A", want: "/A.zip"},
		"path":            {include: "/{id}/*", id: "a/b", want: "/a/b/*"},
		"path narrowed":   {include: "/in/{id}/*", id: "a/b*", paths: []string{"c/d"}, want: `/in/a/b\*/c/d`},
		"escaped":         {include: "/{id}/*", id: `a*|\`, want: `/a\*\|\\/*`},
		"paths":           {include: "/{id}/*", id: "A", paths: []string{"x", "y/*z"}, want: `/A/x|/A/y/\*z`},
		"path leaves":     {include: "/{id}/*", id: "A", paths: []string{"../B"}, code: hikyaku.CodePathRefused},
		"path absolute":   {include: "/{id}/*", id: "A", paths: []string{"/etc"}, code: hikyaku.CodePathRefused},
		"path empty":      {include: "/{id}/*", id: "A", paths: []string{""}, code: hikyaku.CodePathRefused},
		"path control":    {include: "/{id}/*", id: "A", paths: []string{"a\x00"}, code: hikyaku.CodePathRefused},
		"too long":        {include: "/{id}/*", id: "A", paths: []string{strings.Repeat("x", hikyaku.MaxFilter)}, code: hikyaku.CodeFilterTooLong},
		"matches others":  {include: "/{id}*", id: "A", code: hikyaku.CodeRouteInvalid},
		"matches others2": {include: "/{id}-*", id: "A", code: hikyaku.CodeRouteInvalid},
		"star before":     {include: "/*/{id}/*", id: "A", code: hikyaku.CodeRouteInvalid},
		"two stars":       {include: "/{id}/*/*", id: "A", code: hikyaku.CodeRouteInvalid},
		"no slash":        {include: "{id}/*", id: "A", code: hikyaku.CodeRouteInvalid},
		"no id":           {include: "/all/*", id: "A", code: hikyaku.CodeRouteInvalid},
		"pipe":            {include: "/{id}|/other", id: "A", code: hikyaku.CodeRouteInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := hikyaku.Filter(hikyaku.Route{Include: tc.include}, tc.id, tc.paths)
			if got != tc.want || hikyaku.CodeOf(err) != tc.code {
				t.Errorf("got %q, %v; want %q, code %q", got, err, tc.want, tc.code)
			}
		})
	}
}

func TestRoute_CheckID(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		id, pattern string
		ok          bool
	}{
		{"A-1", "", true},
		{"日本語 📦", "", true},
		{strings.Repeat("x", 512), "", true},
		{strings.Repeat("x", 513), "", false},
		{"", "", false},
		{"a/b", "", false},
		{"a/b", ".*", true},
		{"a/b", "[^/]+", false},
		{"a/b/c", "[a-z]+(/[a-z]+)*", true},
		{"a/b/1", "[a-z]+(/[a-z]+)*", false},
		{"/a", ".*", false},
		{"a/", ".*", false},
		{"/", ".*", false},
		{"a//b", ".*", false},
		{"a/./b", ".*", false},
		{"../a", ".*", false},
		{"a/..", ".*", false},
		{"a/.snapshot/b", ".*", false},
		{".zfs/a", ".*", false},
		{"a/.aws-datasync", ".*", false},
		{"a/.awssync/b", ".*", false},
		{"a/.hikyaku/b", ".*", false},
		{"a/.hikyakux/b...", ".*", true},
		{strings.Repeat("a/", 31) + "a", ".*", true},
		{strings.Repeat("a/", 32) + "a", ".*", false},
		{"..", "", false},
		{".hikyaku", "", false},
		{".snapshot", ".*", false},
		{"a\nb", "", false},
		{"a\xff", "", false},
		{"a*b", "", false},
		{"a*b", ".*", true},
		{`a\b`, "", false},
		{"a|b", "", false},
		{"A-1", `[A-Z]-\d+`, true},
		{"xA-1", `[A-Z]-\d+`, false},
		{"A-1\n", `[A-Z]-\d+`, false},
		{"a", `a|b`, true},
		{"ax", `a|b`, false},
	} {
		err := hikyaku.Route{IDPattern: tc.pattern}.CheckID(tc.id)
		if (err == nil) != tc.ok || err != nil && hikyaku.CodeOf(err) != hikyaku.CodeIDRefused {
			t.Errorf("%q with pattern %q: %v, want ok %t", tc.id, tc.pattern, err, tc.ok)
		}
	}
}

func TestRoute_CheckID_saysWhy(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"/a": `begins with "/"`, "a/": `ends with "/"`, "a//b": "empty part", "a/../b": "its part .. is a reserved name",
		"a/.hikyaku": "its part .hikyaku is a reserved name", strings.Repeat("a/", 99) + "a": "more than 32 parts",
		"a/B": "does not match the route's id_pattern",
	} {
		if err := (hikyaku.Route{IDPattern: "[a-z/.]*"}).CheckID(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want it to say %s", id, err, want)
		}
	}
	if err := (hikyaku.Route{}).CheckID("a/b"); err == nil || !strings.Contains(err.Error(), "only a route's id_pattern can allow") {
		t.Errorf("by the default rule: %v", err)
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true},
		{"a", "a/b", true},
		{"a", "a/b/c", true},
		{"a/b", "a/b/c", true},
		{"a/b", "a/b", true},
		{"a", "ab", false},
		{"a", "ab/c", false},
		{"a/b", "a/bc", false},
		{"a/b", "a/c", false},
		{"a/b", "b", false},
		{"b", "a/b", false},
		{"a", "a-b", false},
		{"a", "a0", false},
	} {
		if hikyaku.Overlap(tc.a, tc.b) != tc.want || hikyaku.Overlap(tc.b, tc.a) != tc.want {
			t.Errorf("%q and %q: want %t", tc.a, tc.b, tc.want)
		}
		if related := tc.a == tc.b || slices.Contains(hikyaku.Ancestors(tc.b), tc.a) || slices.Contains(hikyaku.Ancestors(tc.a), tc.b); related != tc.want {
			t.Errorf("ancestors of %q are %q, of %q %q", tc.a, hikyaku.Ancestors(tc.a), tc.b, hikyaku.Ancestors(tc.b))
		}
	}
	if got := hikyaku.Ancestors("a/b/c"); !slices.Equal(got, []string{"a", "a/b"}) {
		t.Errorf("ancestors of a/b/c: %q", got)
	}
}

func TestRoute_IDOfKey_paths(t *testing.T) {
	t.Parallel()
	const month = `\d{4}/\d\d(/[A-Z]-\d+)?`
	for _, tc := range []struct {
		pattern, ids, key, id string
		ok                    bool
	}{
		{"orders/{id}/*", month, "orders/2026/11/A-1/x/y.txt", "2026/11/A-1", true}, // the longest that is accepted
		{"orders/{id}/*", month, "orders/2026/11/A-1/", "2026/11/A-1", true},
		{"orders/{id}/*", month, "orders/2026/11/A-1", "2026/11", true}, // a file of the month
		{"orders/{id}/*", month, "orders/2026/11/notes/A-1/x", "2026/11", true},
		{"orders/{id}/*", month, "orders/2026/x", "2026", true}, // none is accepted: CheckID says why
		{"orders/{id}/*", month, "orders/2026", "", false},
		{"orders/{id}/*", month, "orders/2026//11/x", "2026", true},
		{"orders/{id}/*", ".+", "orders/A/x/y.txt", "A/x", true},
		{"orders/{id}/*", ".+", "orders/A/../y.txt", "A", true},
		{"orders/{id}/*", "[^/]+", "orders/A/x/y.txt", "A", true},
		{"orders/{id}/*", "", "orders/A/x/y.txt", "A", true},
		{"{id}/data/*", ".+", "a/b/data/c/data/d", "a/b/data/c", true},
		{"{id}/data/*", "[a-z]/[a-z]", "a/b/data/c/data/d", "a/b", true},
		{"{id}/data/*", "[a-z]/[a-z]", "a/b/c/data/d", "", false},
		{"{id}//*", "a|a/b", "a/b///x", "a/b", true},
		{"orders/{id}.zip", "[a-z]+/[A-Z]", "orders/a/A.zip", "a/A", true},
		{"orders/{id}.zip", "[a-z]+/[A-Z]", "orders/a/b.zip", "", false},
		{"orders/{id}.zip", "[a-z]+/[A-Z]", "orders/1.zip", "1", true},
		{"{id}", ".+", "a/b", "a/b", true},
		{"{id}", ".+", "/b", "", false},
		{"{id}", "(", "a", "", false},
	} {
		id, ok := hikyaku.Route{KeyPattern: tc.pattern, IDPattern: tc.ids}.IDOfKey(tc.key)
		if ok != tc.ok || ok && id != tc.id {
			t.Errorf("%q of %q with ids %q: %q %t, want %q %t", tc.pattern, tc.key, tc.ids, id, ok, tc.id, tc.ok)
		}
	}
}

func TestRoute_IDOfKey(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, key, id string
		ok               bool
	}{
		{"orders/{id}/*", "orders/A-1/x/y.txt", "A-1", true},
		{"orders/{id}/*", "orders/A-1/", "A-1", true},
		{"orders/{id}/*", "orders/A-1", "", false},
		{"orders/{id}/*", "other/A-1/x", "", false},
		{"orders/{id}/*", "orders//x", "", false},
		{"orders/{id}.zip", "orders/A.zip", "A", true},
		{"orders/{id}.zip", "orders/a/A.zip", "", false},
		{"in-{id}/data/*", "in-A/data/x", "A", true},
		{"in-{id}/data/*", "in-A/x", "", false},
		{"{id}", "A", "A", true},
		{"", "A", "", false},
	} {
		id, ok := hikyaku.Route{KeyPattern: tc.pattern}.IDOfKey(tc.key)
		if ok != tc.ok || ok && id != tc.id {
			t.Errorf("%q of %q: %q %t, want %q %t", tc.pattern, tc.key, id, ok, tc.id, tc.ok)
		}
	}
}
