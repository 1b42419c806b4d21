package lambda_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// template is the deployed template after both transforms.
type template struct {
	Parameters map[string]struct{ Default any }
	Conditions map[string]any
	Resources  map[string]resource
}

type resource struct {
	Type       string
	Condition  string
	Properties map[string]any
}

// expand runs the transforms, as CloudFormation does, with parameters.
func expand(t testing.TB, parameters ...string) *template {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import cfnlint, samtranslator").Run() //nolint:gosec // found on PATH
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("python3 with cfn-lint and aws-sam-translator is needed under CI: %v", err)
		}
		t.Skipf("SKIPPED, NOT TESTED: no python3 with cfn-lint and aws-sam-translator: %v", err)
	}
	for _, file := range []string{"../../deploy/template.yaml", "../../deploy/expand.py"} {
		if _, err := os.ReadFile(file); err != nil { //nolint:gosec // our own source, so that the test cache sees it
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{"../../deploy/expand.py", "--region", region}, parameters...)...) //nolint:gosec // our own script
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("expand the template: %v\n%s", err, &problems)
	}
	var all template
	if err := json.Unmarshal(out, &all); err != nil { //nolint:musttag // CloudFormation's names
		t.Fatal(err)
	}
	return &all
}

// resolver evaluates intrinsic functions of a template.
type resolver struct {
	template *template
	// refs are what Ref and GetAtt of resources give: "Queue", "Queue.Arn".
	refs map[string]string
	// pseudo are AWS::Region and its like.
	pseudo map[string]string
}

// noValue is what AWS::NoValue leaves behind: nothing.
type noValue struct{}

// value evaluates v. The errors name what cannot be evaluated.
func (r *resolver) value(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, args := range v {
				if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
					return r.intrinsic(name, args)
				}
			}
		}
		out := map[string]any{}
		for key, member := range v {
			got, err := r.value(member)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			if _, nothing := got.(noValue); !nothing {
				out[key] = got
			}
		}
		return out, nil
	case []any:
		out := []any{}
		for _, member := range v {
			got, err := r.value(member)
			if err != nil {
				return nil, err
			}
			if _, nothing := got.(noValue); !nothing {
				out = append(out, got)
			}
		}
		return out, nil
	case string:
		return secrets().ReplaceAllString(v, "resolved-$1"), nil
	}
	return v, nil
}

// secrets matches dynamic references.
func secrets() *regexp.Regexp {
	return regexp.MustCompile(`\{\{resolve:secretsmanager:[^}]*:SecretString:([a-z]+)\}\}`)
}

func (r *resolver) intrinsic(name string, args any) (any, error) {
	list, _ := args.([]any)
	switch name {
	case "Ref":
		return r.ref(fmt.Sprint(args))
	case "Fn::GetAtt":
		parts := []string{}
		for _, p := range list {
			parts = append(parts, fmt.Sprint(p))
		}
		return r.ref(strings.Join(parts, "."))
	case "Fn::Sub":
		return r.sub(args)
	case "Fn::If":
		yes, err := r.condition(fmt.Sprint(list[0]))
		if err != nil {
			return nil, err
		}
		if yes {
			return r.value(list[1])
		}
		return r.value(list[2])
	case "Fn::Join":
		return r.join(list)
	case "Fn::Split":
		whole, err := r.value(list[1])
		parts := []any{}
		for p := range strings.SplitSeq(fmt.Sprint(whole), fmt.Sprint(list[0])) {
			parts = append(parts, p)
		}
		return parts, err
	case "Fn::Select":
		return r.selected(list)
	case "Condition":
		return r.condition(fmt.Sprint(args))
	case "Fn::Equals":
		a, errA := r.value(list[0])
		b, errB := r.value(list[1])
		return fmt.Sprint(a) == fmt.Sprint(b), errors.Join(errA, errB)
	case "Fn::Not", "Fn::And", "Fn::Or":
		return r.logic(name, list)
	}
	return nil, fmt.Errorf("%s is not known here", name)
}

func (r *resolver) ref(name string) (any, error) {
	if name == "AWS::NoValue" {
		return noValue{}, nil
	}
	if v, ok := r.pseudo[name]; ok {
		return v, nil
	}
	if p, ok := r.template.Parameters[name]; ok {
		return p.Default, nil
	}
	if v, ok := r.refs[name]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("%s does not exist yet", name)
}

func (r *resolver) sub(args any) (any, error) {
	pattern, local := "", map[string]any{}
	switch args := args.(type) {
	case string:
		pattern = args
	case []any:
		pattern, _ = args[0].(string)
		local, _ = args[1].(map[string]any)
	}
	var failed error
	out := regexp.MustCompile(`\$\{([^}!]+)\}`).ReplaceAllStringFunc(pattern, func(m string) string {
		name := m[2 : len(m)-1]
		v, err := r.ref(name)
		if own, ok := local[name]; ok {
			v, err = r.value(own)
		}
		failed = errors.Join(failed, err)
		return text(v)
	})
	return secrets().ReplaceAllString(out, "resolved-$1"), failed
}

func (r *resolver) join(list []any) (any, error) {
	members, err := r.value(list[1])
	if err != nil {
		return nil, err
	}
	if members, ok := members.(string); ok { // a CommaDelimitedList's default
		return strings.Join(strings.Split(members, ","), fmt.Sprint(list[0])), nil
	}
	parts := []string{}
	all, _ := members.([]any)
	for _, m := range all {
		parts = append(parts, fmt.Sprint(m))
	}
	return strings.Join(parts, fmt.Sprint(list[0])), nil
}

func (r *resolver) selected(list []any) (any, error) {
	index, err := strconv.Atoi(fmt.Sprint(list[0]))
	if err != nil {
		return nil, err
	}
	members, err := r.value(list[1])
	all, _ := members.([]any)
	if err != nil || index >= len(all) {
		return nil, fmt.Errorf("select %d of %v: %w", index, members, err)
	}
	return all[index], nil
}

func (r *resolver) logic(name string, list []any) (any, error) {
	result := name == "Fn::And"
	for _, member := range list {
		v, err := r.value(member)
		if err != nil {
			return nil, err
		}
		yes, _ := v.(bool)
		switch name {
		case "Fn::Not":
			return !yes, nil
		case "Fn::And":
			result = result && yes
		default:
			result = result || yes
		}
	}
	return result, nil
}

func (r *resolver) condition(name string) (bool, error) {
	definition, ok := r.template.Conditions[name]
	if !ok {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	v, err := r.value(definition)
	yes, _ := v.(bool)
	return yes, err
}

// properties evaluates a resource's; exists is false when its condition says so.
func (r *resolver) properties(id string) (properties map[string]any, exists bool, err error) {
	res := r.template.Resources[id]
	if res.Condition != "" {
		if exists, err = r.condition(res.Condition); !exists || err != nil {
			return nil, false, err
		}
	}
	if res.Type == "AWS::IAM::Role" { // its policies name what does not exist yet, and nobody holds anybody to them here
		return nil, true, nil
	}
	v, err := r.value(res.Properties)
	if err != nil {
		return nil, true, fmt.Errorf("%s: %w", id, err)
	}
	properties, _ = v.(map[string]any)
	return properties, true, nil
}

// text writes a value as CloudFormation does: numbers without an exponent.
func text(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// into gives a resource's properties to an API's input, whose members have the
// same names.
func into[T any](properties map[string]any) (*T, error) {
	raw, err := json.Marshal(properties)
	if err != nil {
		return nil, err
	}
	in := new(T)
	return in, json.Unmarshal(raw, in)
}

func TestResolver(t *testing.T) {
	t.Parallel()
	r := &resolver{
		template: &template{
			Parameters: map[string]struct{ Default any }{"Name": {"orders"}, "N": {-1.0}, "List": {"a,b"}},
			Conditions: map[string]any{
				"Named": map[string]any{"Fn::Not": []any{map[string]any{"Fn::Equals": []any{"", map[string]any{"Ref": "Name"}}}}},
				"Both":  map[string]any{"Fn::And": []any{map[string]any{"Condition": "Named"}, map[string]any{"Fn::Equals": []any{"x", "y"}}}},
				"One":   map[string]any{"Fn::Or": []any{map[string]any{"Condition": "Both"}, map[string]any{"Condition": "Named"}}},
			},
		},
		refs: map[string]string{"Queue": "http://q", "Queue.Arn": "arn:q"}, pseudo: map[string]string{"AWS::Region": region},
	}
	for in, want := range map[string]string{
		`{"Ref": "Queue"}`:                                                            `"http://q"`,
		`{"Fn::GetAtt": ["Queue", "Arn"]}`:                                            `"arn:q"`,
		`{"Fn::Sub": "${AWS::Region}/${Name}/${N}/${Queue.Arn}"}`:                     `"eu-west-1/orders/-1/arn:q"`,
		`{"Fn::Sub": ["${X}-${Name}", {"X": {"Ref": "Queue"}}]}`:                      `"http://q-orders"`,
		`{"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}`:           `{"b":[1]}`,
		`{"Fn::If": ["Named", {"Ref": "Name"}, "none"]}`:                              `"orders"`,
		`{"Fn::If": ["Both", "yes", "no"]}`:                                           `"no"`,
		`{"Fn::If": ["One", "yes", "no"]}`:                                            `"yes"`,
		`{"Fn::Join": ["+", ["a", {"Ref": "Name"}]]}`:                                 `"a+orders"`,
		`{"Fn::Join": ["+", {"Ref": "List"}]}`:                                        `"a+b"`,
		`{"Fn::Select": [1, {"Fn::Split": [":", {"Fn::GetAtt": ["Queue", "Arn"]}]}]}`: `"q"`,
		`"{{resolve:secretsmanager:arn:x:SecretString:username}}"`:                    `"resolved-username"`,
	} {
		var v any
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Fatal(err)
		}
		got, err := r.value(v)
		raw, _ := json.Marshal(got)
		if err != nil || string(raw) != want {
			t.Errorf("%s = %s, %v; want %s", in, raw, err, want)
		}
	}
	for _, in := range []any{map[string]any{"Ref": "Nothing"}, map[string]any{"Fn::Cidr": []any{}}, map[string]any{"Condition": "Nothing"}} {
		if got, err := r.value(in); err == nil {
			t.Errorf("%v = %v; want an error", in, got)
		}
	}
}
