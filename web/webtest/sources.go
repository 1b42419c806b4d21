package webtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Sources are the strings that Go files and templates hold.
type Sources struct {
	// Asked are the keys that a function of texts is called with, with where.
	Asked map[string]string
	// Strings are all string constants.
	Strings map[string]bool
	// Prefixes are the constants that something is appended to.
	Prefixes map[string]bool
}

// NewSources returns empty sources.
func NewSources() *Sources {
	return &Sources{Asked: map[string]string{}, Strings: map[string]bool{}, Prefixes: map[string]bool{}}
}

// ReadFolder adds the Go files, tests aside, and templates of a folder. calls
// are the names of the functions whose last constant argument is a key.
func (s *Sources) ReadFolder(dir string, calls ...string) error {
	for _, pattern := range []string{"*.go", "*.html"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			b, err := os.ReadFile(file) //nolint:gosec // a source of this module
			if err != nil {
				return err
			}
			if err := s.Read(file, string(b), calls...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Read adds one file.
func (s *Sources) Read(name, text string, calls ...string) error {
	if strings.HasSuffix(name, ".html") {
		for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(text, -1) {
			s.Asked[m[1]], s.Strings[m[1]] = name, true
		}
		return nil
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse %s: %w", name, err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr: // the tables themselves name no key, values do
			if _, table := n.Value.(*ast.CompositeLit); table && constant(n.Key) != "" {
				ast.Inspect(n.Value, s.note)
				return false
			}
		case *ast.CallExpr:
			if key := asked(n, calls); key != "" {
				s.Asked[key] = set.Position(n.Pos()).String()
			}
		}
		return s.note(n)
	})
	return nil
}

// note keeps constants, and what is appended to.
func (s *Sources) note(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		if text := constant(n); text != "" {
			s.Strings[text] = true
		}
	case *ast.BinaryExpr:
		if text := constant(n.X); n.Op == token.ADD && text != "" {
			s.Prefixes[text] = true
		}
	}
	return true
}

// asked is the key that a call of one of the functions asks for, if constant.
func asked(call *ast.CallExpr, names []string) string {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	for _, want := range names {
		if name != want {
			continue
		}
		for _, arg := range call.Args[:min(len(call.Args), 2)] {
			if key := constant(arg); key != "" {
				return key
			}
		}
	}
	return ""
}

// constant is a string constant's value; empty for anything else.
func constant(e ast.Node) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

// Names tells whether a key is named, as a whole or by its beginning.
func (s *Sources) Names(key string) bool {
	if s.Strings[key] {
		return true
	}
	for i := 1; i < len(key); i++ {
		if s.Prefixes[key[:i]] {
			return true
		}
	}
	return false
}

// Unknown lists the keys that are asked for and have no text.
func (s *Sources) Unknown(has func(key string) bool) []string {
	var out []string
	for key, where := range s.Asked {
		if !has(key) {
			out = append(out, where+": "+key)
		}
	}
	return out
}
