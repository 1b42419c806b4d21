package hikyaku_test

import (
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
	f.Fuzz(func(t *testing.T, id, other, file, listed string) {
		r := hikyaku.Route{Name: "r", Include: "/{id}/*", IDPattern: `(?s).*`}
		if r.CheckID(id) != nil || r.CheckID(other) != nil || file == "" {
			return // not an id
		}
		filter, err := hikyaku.Filter(r, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := matches(filter, "/"+other+"/"+file), id == other; got != want {
			t.Fatalf("filter %q of %q matches a file of %q: %t", filter, id, other, got)
		}
		single, err := hikyaku.Filter(hikyaku.Route{Name: "r", Include: "/{id}"}, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := matches(single, "/"+other), id == other; got != want {
			t.Fatalf("filter %q of %q matches the object %q: %t", single, id, other, got)
		}
		narrow, err := hikyaku.Filter(r, id, []string{listed})
		if err != nil {
			return
		}
		if !matches(narrow, "/"+id+"/"+listed) || matches(narrow, "/"+id+"/"+listed+"x") || matches(narrow, "/"+other+"/"+listed) != (id == other) {
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
		{"a/b", ".*", false},
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
