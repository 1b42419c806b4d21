package deploy_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

// testSteps looks at what the other driver adds and switches off.
func testSteps(t *testing.T, x expansions) {
	t.Helper()
	events, s := x.prod.with(t), x.steps.with(t)
	if !maps.Equal(kinds(x.prod.with(t, "Driver=step-functions")), kinds(s)) {
		t.Error("template-stepfunctions.yaml is not template.yaml with another driver")
	}
	for _, name := range []string{"StepsFunction", "StepsRole", "StepsLogGroup", "StateMachine", "StateMachineRole", "StepsErrorsAlarm", "StepsThrottlesAlarm"} {
		if s.Resources[name].Type == "" || events.Resources[name].Type != "" {
			t.Errorf("%s is there with events (%q) or not with the state machine (%q)", name, events.Resources[name].Type, s.Resources[name].Type)
		}
	}
	for name, r := range s.of("AWS::Events::Rule") { // a route has one driver
		if strings.HasPrefix(name, "TaskRule") && (text(r["State"]) != "DISABLED" || text(events.Resources[name].Properties["State"]) != "ENABLED") {
			t.Errorf("%s: %v with the state machine, %v with events", name, r["State"], events.Resources[name].Properties["State"])
		}
	}
	for _, f := range stack.FunctionsOf(stack.DriverSteps) {
		variables, _ := at(s.Resources[logical(f)+"Function"].Properties, "Environment", "Variables").(map[string]any)
		for _, v := range stack.Of(f) {
			if _, ok := variables[v.Name]; !ok {
				t.Errorf("%s is not given %s", f, v.Name)
			}
		}
		if len(variables) != len(stack.Of(f)) {
			t.Errorf("%s is given %v", f, slices.Sorted(maps.Keys(variables)))
		}
		c, err := stack.Load(f, func(v string) string { return text(variables[v]) })
		if err != nil {
			t.Errorf("%s does not start: %v", f, err)
		}
		if name := text(s.Resources["StateMachine"].Properties["StateMachineName"]); f != stack.Agents && !strings.HasSuffix(c.StateMachine, ":stateMachine:"+name) {
			t.Errorf("%s starts %s, the machine is %s", f, c.StateMachine, name)
		}
	}
	p := s.Resources["StepsFunction"].Properties
	if text(p["FunctionName"]) != stackName+"-steps" || text(at(p, "LoggingConfig", "LogGroup")) != "ref:StepsLogGroup" || !strings.HasSuffix(text(at(p, "Code", "S3Key")), "steps.zip") {
		t.Errorf("the function is %v", p)
	}
	testDefinition(t, s)
}

// kinds are a stack's resources.
func kinds(s deployed) map[string]string {
	all := map[string]string{}
	for name, r := range s.Resources {
		all[name] = r.Type
	}
	return all
}

// testDefinition wants the machine's role to allow what its states call, and
// nothing else, and each name in the definition to be filled in.
func testDefinition(t *testing.T, s deployed) {
	t.Helper()
	raw, err := os.ReadFile("statemachine.asl.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file, deployed any
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	p := s.Resources["StateMachine"].Properties
	if err := json.Unmarshal([]byte(text(p["DefinitionString"])), &deployed); err != nil {
		t.Fatal(err)
	}
	fromFile, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	fromTemplate, err := json.Marshal(deployed)
	if err != nil {
		t.Fatal(err)
	}
	if string(fromFile) != string(fromTemplate) {
		t.Error("the definition in the template is not the file")
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{([A-Za-z]+)\}`).FindAllStringSubmatch(string(fromFile), -1) {
		named[m[1]] = true
	}
	filled, _ := p["DefinitionSubstitutions"].(map[string]any)
	if !slices.Equal(slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(filled))) {
		t.Errorf("the definition names %v, the template fills in %v", named, filled)
	}
	want := map[string]bool{"datasync:TagResource": true, "iam:PassRole": true} // a start's tags and report
	states, _ := at(deployed, "States").(map[string]any)
	for name, state := range states {
		resource := text(at(state, "Resource"))
		if resource == "" {
			continue
		}
		if number(at(state, "TimeoutSeconds")) <= 0 {
			t.Errorf("state %s has no time-out", name)
		}
		switch call := resource[strings.LastIndexByte(resource, ':')+1:]; {
		case strings.Contains(resource, ":lambda:"):
			want["lambda:InvokeFunction"] = true
		case strings.Contains(resource, ":aws-sdk:datasync:"):
			want["datasync:"+strings.ToUpper(call[:1])+call[1:]] = true
		default:
			t.Errorf("state %s calls %s", name, resource)
		}
	}
	got := map[string]bool{}
	for _, statement := range s.statements("StateMachineRole") {
		for _, a := range texts(at(statement, "Action")) {
			if !strings.HasPrefix(a, "xray:") {
				got[a] = true
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the machine may %v, it does %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// TestTemplate_stepFunctions holds the file that is made against its source.
func TestTemplate_stepFunctions(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile("template-stepfunctions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfterN(string(made), "\n", 3)
	if want := strings.Replace(string(source), "Default: events\n", "Default: step-functions\n", 1); len(lines) != 3 || lines[2] != want {
		t.Error("run: make -B deploy/template-stepfunctions.yaml")
	}
}
