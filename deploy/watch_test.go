package deploy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/lambda"
)

// metrics of Amazon's that alarms and dashboard may name, with the dimension.
func amazons() map[string]string {
	return map[string]string{
		"AWS/SQS ApproximateNumberOfMessagesVisible": "QueueName", "AWS/SQS ApproximateNumberOfMessagesNotVisible": "QueueName",
		"AWS/SQS ApproximateAgeOfOldestMessage": "QueueName",
		"AWS/Lambda Errors":                     "FunctionName", "AWS/Lambda Throttles": "FunctionName", "AWS/Lambda Invocations": "FunctionName", "AWS/Lambda Duration": "FunctionName",
		"AWS/States ExecutionsStarted": "StateMachineArn", "AWS/States ExecutionsSucceeded": "StateMachineArn", "AWS/States ExecutionsFailed": "StateMachineArn",
		"AWS/States ExecutionsAborted": "StateMachineArn", "AWS/States ExecutionsTimedOut": "StateMachineArn", "AWS/States ExecutionThrottled": "StateMachineArn",
		"AWS/DynamoDB ConsumedReadCapacityUnits": "TableName", "AWS/DynamoDB ConsumedWriteCapacityUnits": "TableName",
	}
}

// checkMetric wants a metric that somebody writes, with the dimensions that it
// is written with.
func checkMetric(t *testing.T, where, namespace, name string, dimensions map[string]string) {
	t.Helper()
	if namespace == lambda.Namespace {
		if !slices.ContainsFunc(lambda.Metrics(), func(m lambda.Metric) bool { return m.Name == name }) {
			t.Errorf("%s: no function writes the metric %s", where, name)
		}
		if len(dimensions) != 2 || dimensions["Stack"] != stackName || dimensions["Route"] != "orders" {
			t.Errorf("%s: %s with dimensions %v", where, name, dimensions)
		}
		return
	}
	d, ok := amazons()[namespace+" "+name]
	if !ok || len(dimensions) != 1 || dimensions[d] == "" {
		t.Errorf("%s: %s %s with dimensions %v", where, namespace, name, dimensions)
	}
}

func dimensionsOf(v any) map[string]string {
	all := map[string]string{}
	for _, d := range list(v) {
		all[text(at(d, "Name"))] = text(at(d, "Value"))
	}
	return all
}

func testAlarms(t *testing.T, x expansions) {
	s := x.prod.with(t)
	alarms := s.of("AWS::CloudWatch::Alarm")
	for _, name := range []string{"DeadLetters", "QueueAge", "OldestQueued", "FailureRate", "AgentOffline", "NoProgress", "SweepMissing"} {
		if alarms[name+"Alarm"] == nil {
			t.Errorf("no alarm %s", name)
		}
	}
	identifier := regexp.MustCompile(`\b[a-z][a-zA-Z0-9_]*\b`)
	for name, p := range alarms {
		if !slices.Contains(texts(p["AlarmActions"]), "ref:AlarmTopic") {
			t.Errorf("%s tells nobody", name)
		}
		if text(p["AlarmDescription"]) == "" || !strings.HasPrefix(text(p["AlarmName"]), stackName+"-") {
			t.Errorf("%s: name %v, description %v", name, p["AlarmName"], p["AlarmDescription"])
		}
		if p["TreatMissingData"] == nil || p["Threshold"] == nil {
			t.Errorf("%s: no threshold, or nothing said of missing data", name)
		}
		if p["Metrics"] == nil {
			checkMetric(t, name, text(p["Namespace"]), text(p["MetricName"]), dimensionsOf(p["Dimensions"]))
			if seconds := number(p["Period"]) * number(p["EvaluationPeriods"]); seconds > 86400 {
				t.Errorf("%s looks back %d s", name, seconds)
			}
			continue
		}
		known, used, returned := map[string]bool{}, map[string]bool{}, 0
		for _, m := range list(p["Metrics"]) {
			if at(m, "ReturnData") == true {
				returned++
			}
			if e := text(at(m, "Expression")); e != "" {
				for _, word := range identifier.FindAllString(e, -1) {
					used[word] = true
				}
				continue
			}
			known[text(at(m, "Id"))] = true
			metric := at(m, "MetricStat", "Metric")
			checkMetric(t, name, text(at(metric, "Namespace")), text(at(metric, "MetricName")), dimensionsOf(at(metric, "Dimensions")))
		}
		for id := range used {
			if !known[id] {
				t.Errorf("%s: the expression names %s, which is no metric", name, id)
			}
		}
		if returned != 1 || len(used) != len(known) {
			t.Errorf("%s: returns %d series and uses %v of %v", name, returned, used, known)
		}
	}
	if s.Resources["AlarmSubscription"].Properties["Endpoint"] == nil || x.dev.with(t).Resources["AlarmSubscription"].Type != "" {
		t.Error("mail is sent if, and only if, there is an address")
	}
}

func testDashboard(t *testing.T, x expansions) {
	for driver, tm := range map[string]template{stack.DriverEvents: x.prod, stack.DriverSteps: x.steps} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			checkDashboard(t, driver, tm.with(t))
		})
	}
}

func checkDashboard(t *testing.T, driver string, s deployed) {
	t.Helper()
	var body struct {
		Widgets []struct {
			Type       string
			X, Y       int
			Width      int
			Height     int
			Properties struct {
				Title, Region, Stat string
				Metrics             [][]any
				Alarms              []string
			}
		}
	}
	decoder := json.NewDecoder(strings.NewReader(text(s.Resources["Dashboard"].Properties["DashboardBody"])))
	if err := decoder.Decode(&body); err != nil { //nolint:musttag // CloudWatch's own names, in any case
		t.Fatalf("the dashboard is no JSON: %v", err)
	}
	shown := map[string]bool{}
	for _, w := range body.Widgets {
		if w.X+w.Width > 24 || w.Properties.Title == "" {
			t.Errorf("widget %q: x %d, width %d", w.Properties.Title, w.X, w.Width)
		}
		for _, arn := range w.Properties.Alarms {
			name, _ := strings.CutSuffix(strings.TrimPrefix(arn, "att:"), ".Arn")
			if s.Resources[name].Type != "AWS::CloudWatch::Alarm" {
				t.Errorf("%s is no alarm", arn)
			}
			shown[name] = true
		}
		if w.Type == "metric" && (len(w.Properties.Metrics) == 0 || w.Properties.Region != region || w.Properties.Stat == "") {
			t.Errorf("widget %q: %+v", w.Properties.Title, w.Properties)
		}
		for _, m := range w.Properties.Metrics {
			dimensions := map[string]string{}
			for i := 2; i+1 < len(m); i += 2 {
				dimensions[text(m[i])] = text(m[i+1])
			}
			checkMetric(t, w.Properties.Title, text(m[0]), text(m[1]), dimensions)
			shown[text(m[1])] = true
			shown[text(m[1])+" of "+dimensions["FunctionName"]] = true
		}
	}
	for _, m := range lambda.Metrics() {
		if !shown[m.Name] {
			t.Errorf("metric %s is not shown", m.Name)
		}
	}
	for _, f := range stack.FunctionsOf(driver) {
		for _, metric := range []string{"Errors", "Throttles", "Duration"} {
			if !shown[metric+" of "+stackName+"-"+string(f)] {
				t.Errorf("%s of function %s are not shown", metric, f)
			}
		}
	}
	for name := range s.of("AWS::StepFunctions::StateMachine") {
		for _, metric := range []string{"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"} {
			if !shown[metric] {
				t.Errorf("%s of %s is not shown", metric, name)
			}
		}
	}
	for name := range s.of("AWS::CloudWatch::Alarm") {
		if !shown[name] {
			t.Errorf("alarm %s is not shown", name)
		}
	}
}
