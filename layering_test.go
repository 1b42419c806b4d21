package hikyaku_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLayering fails when a package imports across a layer it must not cross.
// It reads the sources itself, so that the test cache notices every change.
func TestLayering(t *testing.T) {
	const module = "github.com/hikyaku/hikyaku"

	// may lists, per package pattern, the packages of this module it may import.
	// It is policy: a change here is a commit of its own that says why.
	policy := []struct{ pkg, may string }{
		{".", ""},
		{"dispatch dynamo sqs datasync source stepfunctions hikyakutest hikyakutest/*", "."},
		{"console", ". web"},
		{"console/oidc", ". console"},
		{"web storage queue awsjson", ""},
		{"daemon", ". dispatch"},
		{"lambda", ". dispatch stepfunctions"},
		{"storage/*", "storage"},
		{"storage/s3/s3test", "storage storage/*"},
		{"queue/queuetest", "queue"},
		{"mover/movertest", "mover engine storage"},
		{"web/webtest", ""},
		{"console/consoletest", ". console hikyakutest"},
		{"console/oidc/oidctest", ""},
		{"engine", "storage"},
		{"mover", "engine storage"},
		{"agent", "mover engine storage"},
		{"sqsapi", "awsjson queue"},
		{"datasyncapi", "awsjson mover"},
		{"sqlite", ". queue mover"},
		{"cli", ". console"},
		{"cmd/hikyaku/stack", ". console lambda dynamo datasync"},
		{"cmd/lambda/stack", ". dispatch lambda dynamo sqs datasync source stepfunctions"},
		{"cmd/lambda/*", "cmd/lambda/stack"},
		{"bench", ""},
		{"cmd/hikyaku", ". dispatch daemon lambda sqs datasync dynamo source sqsapi datasyncapi queue mover engine storage storage/* agent sqlite awsjson console console/oidc web cli cmd/hikyaku/stack"},
	}
	// pure packages use the standard library and nothing from outside the module.
	const pure = ". dispatch daemon storage engine mover"

	match := func(patterns, pkg string) bool {
		return slices.ContainsFunc(strings.Fields(patterns), func(p string) bool {
			ok, _ := path.Match(p, pkg)
			return ok
		})
	}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if d.IsDir() && slices.Contains([]string{"testdata", "node_modules", ".git", "tools", "driverbench"}, d.Name()) {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		pkg := path.Dir(name)
		i := slices.IndexFunc(policy, func(l struct{ pkg, may string }) bool { return match(l.pkg, pkg) })
		if i < 0 {
			t.Errorf("%s: package %s has no entry in the policy", name, pkg)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			rel, ours := strings.CutPrefix(imp+"/", module+"/")
			rel = path.Clean("./" + rel)
			first, _, _ := strings.Cut(imp, "/")
			switch {
			case ours && strings.HasSuffix(rel, "test") && !strings.HasSuffix(pkg, "test"):
				t.Errorf("%s: test package %s in production code", name, rel)
			case ours && !match(policy[i].may, rel):
				t.Errorf("%s: %s may not import %s", name, pkg, rel)
			case !ours && strings.Contains(first, ".") && match(pure, pkg):
				t.Errorf("%s: %s is pure and may not import %s", name, pkg, imp)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
