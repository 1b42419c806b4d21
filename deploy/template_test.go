package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// template is template.yaml as CloudFormation sees it after both transforms.
type template struct {
	Metadata   map[string]any
	Parameters map[string]parameter
	Rules      map[string]rule
	Conditions map[string]any
	Resources  map[string]resource
	Outputs    map[string]output
}

type output struct {
	Condition string
	Value     any
}

type parameter struct {
	Type, Description, AllowedPattern string
	Default                           any
	AllowedValues                     []any
	MinValue, MaxValue                *float64
	NoEcho                            any
}

type rule struct {
	RuleCondition any
	Assertions    []struct {
		Assert            any
		AssertDescription string
	}
}

type resource struct {
	Type, Condition string
	DeletionPolicy  string
	Properties      map[string]any
}

// needs skips a test without an outside program, loudly, and fails it under CI.
func needs(t *testing.T, command ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput() //nolint:gosec // the test's own words
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("needed under CI: %s: %v\n%s", strings.Join(command, " "), err, out)
	default:
		t.Skipf("SKIPPED, NOT TESTED: %s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

// run returns a command's standard output, or why there is none.
func run(ctx context.Context, dir string, command ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the test's own words
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, errors.Join(err, errors.New(stdout.String()+stderr.String()))
	}
	return stdout.Bytes(), nil
}

// expand runs expand.py, and keeps the JSON in a file for whoever wants it.
func expand(t *testing.T, args ...string) (template, string) {
	t.Helper()
	out, err := run(t.Context(), ".", append([]string{"python3", "expand.py"}, args...)...)
	if err != nil {
		t.Fatalf("expand.py %v: %v", args, err)
	}
	path := filepath.Join(t.TempDir(), "expanded.json")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	var tmpl template
	if err := json.Unmarshal(out, &tmpl); err != nil { //nolint:musttag // CloudFormation's own names
		t.Fatalf("expand.py %v: %v", args, err)
	}
	return tmpl, path
}

// deployed is a template with its parameters filled in: no function is left in
// it, and no resource whose condition is false. A Ref to a resource reads
// "ref:NAME", an attribute "att:NAME.ATTRIBUTE".
type deployed struct {
	Resources map[string]resource
	Outputs   map[string]string
	// Broken are the assertions of Rules that do not hold.
	Broken []string
}

const (
	stackName = "hikyaku-prod"
	account   = "123456789012"
	region    = "ap-northeast-1"
)

// with evaluates the template with NAME=VALUE over the defaults.
func (tm template) with(t *testing.T, given ...string) deployed {
	t.Helper()
	e := newEvaluator(t, tm, given)
	s := deployed{Resources: map[string]resource{}, Outputs: map[string]string{}}
	for name, r := range tm.Resources {
		if r.Condition != "" && !e.condition(r.Condition) {
			continue
		}
		properties, ok := e.value(r.Properties).(map[string]any)
		if !ok {
			properties = map[string]any{}
		}
		r.Properties = properties
		s.Resources[name] = r
	}
	for name, o := range tm.Outputs {
		if o.Condition != "" && !e.condition(o.Condition) {
			continue
		}
		s.Outputs[name] = text(e.value(o.Value))
	}
	s.Broken = e.broken()
	return s
}

// of returns the stack's resources of a type, by name.
func (s deployed) of(kind string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for name, r := range s.Resources {
		if r.Type == kind {
			found[name] = r.Properties
		}
	}
	return found
}

// at digs through maps and lists; nil when there is nothing.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// text is a scalar as CloudFormation writes it into a string.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(raw)
	}
}

// number is a number, also one that a parameter gave as text; -1 for none.
func number(v any) int {
	var n int
	if err := json.Unmarshal([]byte(text(v)), &n); err != nil {
		return -1
	}
	return n
}

// list is v's elements; a scalar is a list of one.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// texts is v's elements as text.
func texts(v any) []string {
	var all []string
	for _, e := range list(v) {
		all = append(all, text(e))
	}
	return all
}
