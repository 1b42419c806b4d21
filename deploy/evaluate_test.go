package deploy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// evaluator fills in the functions of a template as CloudFormation does, as
// far as the template uses them; any other is fatal.
type evaluator struct {
	t          *testing.T
	template   template
	parameters map[string]any
}

// noValue is AWS::NoValue: what has it is left out.
type noValue struct{}

func newEvaluator(t *testing.T, tm template, given []string) *evaluator {
	t.Helper()
	e := &evaluator{t: t, template: tm, parameters: map[string]any{
		"AWS::StackName": stackName, "AWS::AccountId": account, "AWS::Region": region,
		"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": noValue{},
	}}
	for name, p := range tm.Parameters {
		e.set(name, text(p.Default))
	}
	for _, g := range given {
		name, value, _ := strings.Cut(g, "=")
		if _, ok := e.parameters[name]; !ok {
			t.Fatalf("no parameter %s", name)
		}
		e.set(name, value)
	}
	return e
}

func (e *evaluator) set(name, value string) {
	e.parameters[name] = value
	if e.template.Parameters[name].Type == "CommaDelimitedList" {
		var values []any
		for v := range strings.SplitSeq(value, ",") {
			values = append(values, strings.TrimSpace(v))
		}
		e.parameters[name] = values
	}
}

func (e *evaluator) condition(name string) bool {
	c, ok := e.template.Conditions[name]
	if !ok {
		e.t.Fatalf("no condition %s", name)
	}
	return e.truth(c)
}

func (e *evaluator) truth(v any) bool {
	b, ok := e.value(v).(bool)
	if !ok {
		e.t.Fatalf("no truth value: %v", v)
	}
	return b
}

func (e *evaluator) value(v any) any {
	switch v := v.(type) {
	case []any:
		out := []any{}
		for _, element := range v {
			if r := e.value(element); r != any(noValue{}) {
				out = append(out, r)
			}
		}
		return out
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || name == "Condition" && text(argument) != "" && e.template.Conditions[text(argument)] != nil || strings.HasPrefix(name, "Fn::") {
					return e.call(name, argument)
				}
			}
		}
		out := map[string]any{}
		for name, element := range v {
			if r := e.value(element); r != any(noValue{}) {
				out[name] = r
			}
		}
		return out
	}
	return v
}

func (e *evaluator) call(name string, argument any) any {
	switch name {
	case "Ref":
		return e.ref(text(argument))
	case "Condition":
		return e.condition(text(argument))
	case "Fn::GetAtt":
		return "att:" + strings.Join(texts(argument), ".")
	case "Fn::Sub":
		return e.sub(argument)
	case "Fn::If":
		arguments := list(argument)
		if e.condition(text(arguments[0])) {
			return e.value(arguments[1])
		}
		return e.value(arguments[2])
	case "Fn::And", "Fn::Or":
		return e.junction(name == "Fn::And", list(argument))
	}
	arguments := list(e.value(argument))
	switch name {
	case "Fn::Not":
		return arguments[0] == false
	case "Fn::Equals":
		return text(arguments[0]) == text(arguments[1])
	case "Fn::Join":
		return strings.Join(texts(arguments[1]), text(arguments[0]))
	case "Fn::Select":
		n, _ := strconv.Atoi(text(arguments[0]))
		return list(arguments[1])[n]
	case "Fn::Split":
		var parts []any
		for part := range strings.SplitSeq(text(arguments[1]), text(arguments[0])) {
			parts = append(parts, part)
		}
		return parts
	case "Fn::Contains":
		return slices.Contains(texts(arguments[0]), text(arguments[1]))
	case "Fn::EachMemberIn":
		return !slices.ContainsFunc(texts(arguments[0]), func(s string) bool { return !slices.Contains(texts(arguments[1]), s) })
	}
	e.t.Fatalf("function %s is not known here", name)
	return nil
}

// broken are the assertions of the template's rules that do not hold.
func (e *evaluator) broken() []string {
	var all []string
	for _, r := range e.template.Rules {
		if r.RuleCondition != nil && !e.truth(r.RuleCondition) {
			continue
		}
		for _, a := range r.Assertions {
			if !e.truth(a.Assert) {
				all = append(all, a.AssertDescription)
			}
		}
	}
	slices.Sort(all)
	return all
}

func (e *evaluator) junction(all bool, arguments []any) bool {
	for _, a := range arguments {
		if e.truth(a) != all {
			return !all
		}
	}
	return all
}

func (e *evaluator) ref(name string) any {
	if v, ok := e.parameters[name]; ok {
		return v
	}
	r, ok := e.template.Resources[name]
	if !ok {
		e.t.Fatalf("Ref to %s, which is nothing", name)
	}
	if r.Condition != "" && !e.condition(r.Condition) {
		e.t.Errorf("Ref to %s, which is not made", name)
	}
	switch r.Type {
	case "AWS::SSM::Parameter":
		return e.value(r.Properties["Name"])
	case "AWS::SQS::Queue":
		return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", region, account, text(e.value(r.Properties["QueueName"])))
	case "AWS::Lambda::Function":
		return e.value(r.Properties["FunctionName"])
	case "AWS::DataSync::Task":
		return fmt.Sprintf("arn:aws:datasync:%s:%s:task/%s", region, account, name)
	}
	return "ref:" + name
}

func (e *evaluator) sub(argument any) string {
	own := map[string]any{}
	format := text(argument)
	if arguments, ok := argument.([]any); ok {
		format = text(arguments[0])
		own, _ = e.value(arguments[1]).(map[string]any)
	}
	return regexp.MustCompile(`\$\{[^}]+\}`).ReplaceAllStringFunc(format, func(hole string) string {
		name := strings.TrimSpace(hole[2 : len(hole)-1])
		switch {
		case own[name] != nil:
			return text(own[name])
		case strings.HasPrefix(name, "!"):
			return "${" + name[1:] + "}"
		case strings.Contains(name, "."):
			return "att:" + name
		}
		return text(e.ref(name))
	})
}
