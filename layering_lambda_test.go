package hikyaku_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLayering_lambda fails when a Lambda function links what it must not
// carry: the data plane, SQLite, the embedded S3. It follows imports through
// this module's sources and looks at the first one that leaves it.
func TestLayering_lambda(t *testing.T) {
	t.Parallel()
	const module = "github.com/hikyaku/hikyaku"
	ours := []string{"engine", "storage", "sqlite", "mover", "daemon", "console", "cli", "web", "sqsapi", "datasyncapi", "queue", "agent"}
	foreign := []string{"modernc.org/", "github.com/versity/", "github.com/prometheus/", "github.com/spf13/", "github.com/goccy/", "testing"}

	mains, err := filepath.Glob("cmd/lambda/*/main.go")
	if err != nil || len(mains) < 4 {
		t.Fatalf("functions = %v, %v; want four at least", mains, err)
	}
	for _, main := range mains {
		seen := map[string]bool{}
		var follow func(dir string, trail []string)
		follow = func(dir string, trail []string) {
			if seen[dir] {
				return
			}
			seen[dir] = true
			for _, imported := range importsOf(t, dir) {
				rel, mine := strings.CutPrefix(imported, module)
				rel = strings.TrimPrefix(rel, "/")
				way := strings.Join(append(trail, imported), " → ")
				if !mine {
					for _, bad := range foreign {
						if imported == bad || strings.HasSuffix(bad, "/") && strings.HasPrefix(imported, bad) {
							t.Errorf("%s links %s", main, way)
						}
					}
					continue
				}
				for _, bad := range ours {
					if rel == bad || strings.HasPrefix(rel, bad+"/") {
						t.Errorf("%s links %s", main, way)
					}
				}
				if rel == "" {
					rel = "."
				}
				follow(rel, append(slices.Clip(trail), imported))
			}
		}
		follow(filepath.Dir(main), []string{main})
		if !seen["dispatch"] || !seen["dynamo"] {
			t.Errorf("%s: only %v were followed", main, seen)
		}
	}
}

// importsOf are the imports of a folder's sources, tests left out.
func importsOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, imported)
		}
	}
	return all
}
