package stack_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

// full is an environment with everything that is required.
func full(f stack.Function, change map[string]string) func(string) string {
	values := map[string]string{}
	for _, v := range stack.Of(f) {
		if v.Required {
			values[v.Name] = "x"
		}
	}
	maps.Copy(values, change)
	return func(name string) string { return values[name] }
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c, err := stack.Load(stack.Refresh, full(stack.Refresh, map[string]string{
		stack.EnvRoute: "orders", stack.EnvQueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/st-transfers",
		stack.EnvSourceBucket: "outbox", stack.EnvSourcePrefix: "/orders/", stack.EnvRetentionDays: "30", stack.EnvAllowEmpty: "true",
		stack.EnvLogLevel: "warn",
	}))
	if err != nil {
		t.Fatal(err)
	}
	r := c.Route
	if r.Queue != "st-transfers" || r.Source != "s3://outbox/orders/" || !r.AllowEmpty || r.Include != "/{id}/*" || r.TransferMode != "ALL" ||
		c.Retention != 30*24*time.Hour || c.LogLevel.String() != "WARN" || c.PathStyle {
		t.Errorf("config = %+v", c)
	}
	for _, f := range stack.Functions() {
		if _, err := stack.Load(f, full(f, nil)); err != nil {
			t.Errorf("%s with what is required: %v", f, err)
		}
		_, err := stack.Load(f, func(string) string { return "" })
		for _, v := range stack.Of(f) {
			if v.Required != strings.Contains(err.Error(), v.Name+" is not set") {
				t.Errorf("%s without %s: %v", f, v.Name, err)
			}
		}
	}
}

func TestLoad_refused(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		stack.EnvRetentionDays: "-1", stack.EnvAllowEmpty: "yes", stack.EnvLogLevel: "loud", stack.EnvDriver: "step-functions",
		stack.EnvReportBucket: "b", stack.EnvInclude: "/{id}*", stack.EnvIDPattern: "(", stack.EnvVerify: "SOMETIMES", stack.EnvTransferMode: "SOME",
	} {
		_, err := stack.Load(stack.Intake, full(stack.Intake, map[string]string{name: value}))
		if hikyaku.CodeOf(err) != hikyaku.CodeConfigInvalid {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	_, err := stack.Load(stack.Intake, full(stack.Intake, map[string]string{stack.EnvCompletionBus: "b", stack.EnvCompletionQueue: "q"}))
	if hikyaku.CodeOf(err) != hikyaku.CodeConfigInvalid {
		t.Errorf("two targets: %v", err)
	}
}

// TestVariables: each is documented, read by somebody, and no source of this
// command reads another.
func TestVariables(t *testing.T) {
	t.Parallel()
	var names []string
	for _, v := range stack.Variables() {
		names = append(names, v.Name)
		if v.Doc == "" || len(v.Functions) == 0 || v.Required && v.Default != "" || !strings.HasPrefix(v.Name, "HIKYAKU_") {
			t.Errorf("%+v", v)
		}
	}
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(i fs.FileInfo) bool { return !strings.HasSuffix(i.Name(), "_test.go") }, 0) //nolint:staticcheck // one folder, no build tags
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err == nil && strings.HasPrefix(text, "HIKYAKU_") && !strings.ContainsAny(text, " ") {
				found++
				if !slices.Contains(names, text) {
					t.Errorf("%s is not in Variables", text)
				}
			}
			return true
		})
	}
	if found != len(names) {
		t.Errorf("%d names in the sources, %d variables", found, len(names))
	}
}
