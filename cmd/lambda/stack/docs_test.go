package stack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/lambda"
)

// TestDocs holds docs/lambda.md's tables against the code; UPDATE_DOCS=1 writes them.
func TestDocs(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "docs", "lambda.md")
	raw, err := os.ReadFile(path) //nolint:gosec // a constant path
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for name, table := range map[string]string{"metrics": metricsTable(), "environment": environmentTable(), "permissions": permissionsTable()} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		i, j := strings.Index(text, begin), strings.Index(text, end)
		if i < 0 || j < i {
			t.Fatalf("docs/lambda.md has no place for %s", name)
		}
		text = text[:i+len(begin)] + table + text[j:]
	}
	if text == string(raw) {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Error("docs/lambda.md is not what the code says; run: UPDATE_DOCS=1 go test ./cmd/lambda/stack -run Docs")
		return
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil { //nolint:gosec // a constant path
		t.Fatal(err)
	}
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("| Metric | Unit | Means |\n|---|---|---|\n")
	for _, m := range lambda.Metrics() {
		by := ""
		if m.ByCode {
			by = " *By code.*"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s%s |\n", m.Name, m.Unit, m.Doc, by)
	}
	return b.String()
}

func environmentTable() string {
	var b strings.Builder
	b.WriteString("| Variable | Read by | Default | Means |\n|---|---|---|---|\n")
	for _, v := range stack.Variables() {
		by := "all"
		if len(v.Functions) < len(stack.FunctionsOf(stack.DriverSteps)) {
			names := make([]string, len(v.Functions))
			for i, f := range v.Functions {
				names[i] = "`" + string(f) + "`"
			}
			by = strings.Join(names, ", ")
		}
		value := ""
		switch {
		case v.Required:
			value = "required"
		case v.Default != "":
			value = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Name, by, value, v.Doc)
	}
	return b.String()
}

func permissionsTable() string {
	var b strings.Builder
	b.WriteString("| Action |")
	all := []string{}
	for _, f := range stack.FunctionsOf(stack.DriverSteps) {
		fmt.Fprintf(&b, " `%s` |", f)
		all = append(all, stack.Actions(f)...)
	}
	b.WriteString("\n|---" + strings.Repeat("|---", len(stack.FunctionsOf(stack.DriverSteps))) + "|\n")
	slices.Sort(all)
	for _, action := range slices.Compact(all) {
		fmt.Fprintf(&b, "| `%s` |", action)
		for _, f := range stack.FunctionsOf(stack.DriverSteps) {
			mark := ""
			if slices.Contains(stack.Actions(f), action) {
				mark = "yes"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteString("\n")
	}
	return b.String()
}
