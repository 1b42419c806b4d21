package deploy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func testPool(t *testing.T, x expansions) {
	for _, c := range []struct {
		name  string
		s     deployed
		tasks int
		cloud bool
	}{
		{"dev", x.dev.with(t), 2, true},
		{"stg", x.stg.with(t), 1, false},
		{"prod", x.prod.with(t), 2, false},
		{"wide", x.wide.with(t), 4, false},
	} {
		tasks := c.s.of("AWS::DataSync::Task")
		if len(tasks) != c.tasks {
			t.Errorf("%s: %d tasks, want %d", c.name, len(tasks), c.tasks)
		}
		path := text(at(c.s.Resources["RefreshFunction"].Properties, "Environment", "Variables", "HIKYAKU_POOL_PATH"))
		published := map[string]bool{}
		for _, p := range c.s.of("AWS::SSM::Parameter") {
			if strings.HasPrefix(text(p["Name"]), path) {
				published[text(p["Value"])] = true
			}
		}
		destinations := map[string]bool{}
		for name, p := range tasks {
			if !published[fmt.Sprintf("arn:aws:datasync:%s:%s:task/%s", region, account, name)] {
				t.Errorf("%s: %s is not published under %s", c.name, name, path)
			}
			for option, want := range map[string]string{"TaskQueueing": "DISABLED", "PreserveDeletedFiles": "PRESERVE", "VerifyMode": "ONLY_FILES_TRANSFERRED", "TransferMode": "ALL"} {
				if got := text(at(p, "Options", option)); got != want {
					t.Errorf("%s: %s has %s %s, want %s", c.name, name, option, got, want)
				}
			}
			if p["Schedule"] != nil || p["ManifestConfig"] != nil {
				t.Errorf("%s: %s runs by itself", c.name, name)
			}
			if text(p["SourceLocationArn"]) != "ref:SourceLocation" || text(p["CloudWatchLogGroupArn"]) != "att:DataSyncLogGroup.Arn" {
				t.Errorf("%s: %s: %v", c.name, name, p)
			}
			destinations[text(p["DestinationLocationArn"])] = true
		}
		if want := map[bool]int{true: 1, false: len(agentsOf(c.s))}[c.cloud]; len(destinations) != want {
			t.Errorf("%s: destinations %v, want %d", c.name, destinations, want)
		}
	}
	if p := x.wide.with(t, "TaskMode=ENHANCED").Resources["Task0b0addbeef44baca3x1"].Properties; p["CloudWatchLogGroupArn"] != nil || text(p["TaskMode"]) != "ENHANCED" {
		t.Errorf("an ENHANCED task cannot choose its log group: %v", p)
	}
}

// agentsOf are the agents of a stack's locations.
func agentsOf(s deployed) []string {
	var all []string
	for _, kind := range []string{"NFS", "SMB", "ObjectStorage"} {
		for _, p := range s.of("AWS::DataSync::Location" + kind) {
			arns := append(texts(p["AgentArns"]), texts(at(p, "OnPremConfig", "AgentArns"))...)
			if len(arns) != 1 {
				return []string{"not one agent per location", fmt.Sprint(arns)}
			}
			all = append(all, arns...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// testDestinations wants exactly the locations of the destination's type, and
// every task to write to one of them.
func testDestinations(t *testing.T, x expansions) {
	for kind, c := range map[string]struct {
		resource string
		count    int
		secret   bool
	}{
		"NFS": {"NFS", 2, false}, "SMB": {"SMB", 2, true}, "ObjectStorage": {"ObjectStorage", 2, true}, "S3": {"S3", 1, false}, "EFS": {"EFS", 1, false},
		"FSxWindows": {"FSxWindows", 1, true}, "FSxLustre": {"FSxLustre", 1, false}, "FSxONTAP": {"FSxONTAP", 1, false}, "FSxOpenZFS": {"FSxOpenZFS", 1, false},
		"Location": {"", 0, false},
	} {
		s := x.wide.with(t, "DestinationType="+kind, "DestinationSecretArn=arn:aws:secretsmanager:"+region+":"+account+":secret:filer-AbCdEf",
			"DestinationBucket=inbox", "DestinationLocationId=loc-0123456789abcdef0", "DestinationPath=/orders")
		made := map[string]string{}
		for name, r := range s.Resources {
			if strings.HasPrefix(r.Type, "AWS::DataSync::Location") && name != "SourceLocation" {
				made["ref:"+name] = r.Type
				secret := strings.Contains(text(r.Properties), "{{resolve:secretsmanager:arn:aws:secretsmanager:"+region)
				if r.Type != "AWS::DataSync::Location"+c.resource || secret != c.secret {
					t.Errorf("%s: %s is %s, secret %v", kind, name, r.Type, secret)
				}
				if !strings.Contains(text(r.Properties["Tags"]), stackName) {
					t.Errorf("%s: %s has no tag, so its agents cannot be read", kind, name)
				}
			}
		}
		if len(made) != c.count {
			t.Errorf("%s: %d locations, want %d", kind, len(made), c.count)
		}
		for name, p := range s.of("AWS::DataSync::Task") {
			arn := text(p["DestinationLocationArn"])
			if made[arn] == "" && (kind != "Location" || !strings.HasSuffix(arn, ":location/loc-0123456789abcdef0")) {
				t.Errorf("%s: %s writes to %s", kind, name, arn)
			}
		}
		if _, ok := s.Resources["DestinationRole"]; ok != (kind == "S3") {
			t.Errorf("%s: role for a destination bucket: %v", kind, ok)
		}
		shown := text(at(s.Resources["IntakeFunction"].Properties, "Environment", "Variables", "HIKYAKU_DESTINATION"))
		if shown == "" {
			t.Errorf("%s: no destination is shown", kind)
		}
	}
}

func testEvents(t *testing.T, x expansions) {
	s := x.wide.with(t)
	task := "arn:aws:datasync:" + region + ":" + account + ":task/"
	event := func(detailType, resource, state string) map[string]any {
		return map[string]any{"source": "aws.datasync", "detail-type": detailType, "resources": []any{resource}, "detail": map[string]any{"State": state}}
	}
	agent := "arn:aws:datasync:" + region + ":" + account + ":agent/agent-"
	const execution, agents = "DataSync Task Execution State Change", "DataSync Agent State Change"
	for _, c := range []struct {
		event map[string]any
		want  []string
	}{
		{event(execution, task+"Task0b0addbeef44baca3x1/execution/exec-1", "SUCCESS"), []string{"RefreshFunction"}},
		{event(execution, task+"Task0c1addbeef44baca4x12345678/execution/exec-1", "ERROR"), []string{"RefreshFunction"}},
		{event(execution, task+"Task0b0addbeef44baca3x1/execution/exec-1", "TRANSFERRING"), nil},
		{event(execution, task+"Task0b0addbeef44baca3x10/execution/exec-1", "SUCCESS"), nil},
		{event(execution, task+"other/execution/exec-1", "SUCCESS"), nil},
		{event("DataSync Task State Change", task+"Task0b0addbeef44baca3x1", "UNAVAILABLE"), nil},
		{event(agents, agent+"0b0addbeef44baca3", "OFFLINE"), []string{"AgentsFunction"}},
		{event(agents, agent+"0c1addbeef44baca4", "ONLINE"), []string{"AgentsFunction"}},
		{event(agents, agent+"000000000000other", "OFFLINE"), nil},
	} {
		var got []string
		for name, p := range s.of("AWS::Events::Rule") {
			if !matches(t, name, p["EventPattern"], c.event) {
				continue
			}
			for _, target := range list(p["Targets"]) {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(text(at(target, "Arn")), "att:"), ".Arn"))
				if number(at(target, "RetryPolicy", "MaximumEventAgeInSeconds")) < 60 {
					t.Errorf("%s: no retry policy", name)
				}
				if !invokable(s, got[len(got)-1], text(p["Name"])) {
					t.Errorf("%s: EventBridge may not invoke %s", name, got[len(got)-1])
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v goes to %v, want %v", c.event, got, c.want)
		}
	}
	if n := len(x.dev.with(t).of("AWS::Events::Rule")); n != 2 {
		t.Errorf("without agents: %d rules, want one per task", n)
	}
}

// invokable reports whether a permission lets the rule invoke the function.
func invokable(s deployed, function, rule string) bool {
	name := text(s.Resources[function].Properties["FunctionName"])
	for _, p := range s.of("AWS::Lambda::Permission") {
		prefix, ok := strings.CutSuffix(text(p["SourceArn"]), "*")
		if ok && text(p["FunctionName"]) == name && text(p["Principal"]) == "events.amazonaws.com" && text(p["SourceAccount"]) == account &&
			strings.HasPrefix("arn:aws:events:"+region+":"+account+":rule/"+rule, prefix) {
			return true
		}
	}
	return false
}

// matches is EventBridge's matching, as far as the patterns use it. A value
// that is no list is an error that nothing else finds.
func matches(t *testing.T, name string, pattern, event any) bool {
	t.Helper()
	fields, ok := pattern.(map[string]any)
	if !ok {
		t.Fatalf("%s: pattern %v", name, pattern)
	}
	for field, want := range fields {
		if _, nested := want.(map[string]any); nested {
			if !matches(t, name, want, at(event, field)) {
				return false
			}
			continue
		}
		values, ok := want.([]any)
		if !ok {
			t.Fatalf("%s: %s is not a list", name, field)
		}
		if !slices.ContainsFunc(list(at(event, field)), func(have any) bool {
			return slices.ContainsFunc(values, func(v any) bool {
				prefix := text(at(v, "prefix"))
				return v == have || prefix != "" && strings.HasPrefix(text(have), prefix)
			})
		}) {
			return false
		}
	}
	return true
}

func testSchedules(t *testing.T, x expansions) {
	s := x.prod.with(t)
	syntax := regexp.MustCompile(`^(rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\)|cron\(\S+ \S+ \S+ \S+ \S+ \S+\))$`)
	var targets []string
	for name, p := range s.of("AWS::Scheduler::Schedule") {
		if e := text(p["ScheduleExpression"]); !syntax.MatchString(e) {
			t.Errorf("%s: %s is no schedule", name, e)
		}
		if text(at(p, "Target", "RoleArn")) != "att:SchedulerRole.Arn" || text(at(p, "FlexibleTimeWindow", "Mode")) != "OFF" {
			t.Errorf("%s: %v", name, p)
		}
		targets = append(targets, text(at(p, "Target", "Arn")))
	}
	slices.Sort(targets)
	if want := []string{"att:AgentsFunction.Arn", "att:RefreshFunction.Arn"}; !slices.Equal(targets, want) {
		t.Errorf("schedules wake %v, want %v", targets, want)
	}
	allowed := texts(at(s.statements("SchedulerRole"), 0, "Resource"))
	slices.Sort(allowed)
	if !slices.Equal(allowed, targets) {
		t.Errorf("schedules may invoke %v", allowed)
	}
}
