package deploy_test

import (
	"debug/elf"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/dynamo"
)

// notCalled are SDK calls that are linked in but cannot be made with a
// function's configuration, and why.
func notCalled(f stack.Function) map[string]string {
	all := map[string]string{ //nolint:gosec // names of operations
		"sts:AssumeRole":                "the SDK's credential chain; the function has its role",
		"sts:AssumeRoleWithWebIdentity": "the SDK's credential chain",
		"sso:GetRoleCredentials":        "the SDK's credential chain",
		"ssooidc:CreateToken":           "the SDK's credential chain",
		"signin:CreateOAuth2Token":      "the SDK's credential chain",
		"s3:CreateSession":              "directory buckets only",
		"dynamodb:DescribeEndpoints":    "endpoint discovery, which is off",
	}
	if f != stack.Operate {
		all["sqs:GetQueueUrl"] = "queues are opened by URL; only a redrive names one"
	}
	if f == stack.Agents {
		// it has no settings, whose changes are laid on running executions
		all["ssm:GetParameter"] = "no settings"
		all["datasync:UpdateTaskExecution"] = "no settings"
		all["datasync:DescribeTaskExecution"] = "no settings"
	}
	return all
}

// needed are the IAM actions that a call of the SDK needs, where they are not
// one of the call's own name.
func needed(call string) []string {
	switch call {
	case "s3:ListObjectsV2":
		return []string{"s3:ListBucket"}
	case "sqs:DeleteMessageBatch":
		return []string{"sqs:DeleteMessage"}
	case "sqs:ChangeMessageVisibilityBatch":
		return []string{"sqs:ChangeMessageVisibility"}
	case "sqs:StartMessageMoveTask": // on the caller's behalf, on both queues
		return []string{call, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"}
	case "dynamodb:TransactWriteItems": // package dynamo puts nothing into one
		return []string{"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}
	case "datasync:StartTaskExecution": // with tags and a report
		return []string{call, "datasync:TagResource", "iam:PassRole"}
	case "eventbridge:PutEvents":
		return []string{"events:PutEvents"}
	case "sfn:StartExecution", "sfn:SendTaskSuccess":
		return []string{"states" + strings.TrimPrefix(call, "sfn")}
	}
	return []string{call}
}

// platform are the actions that Lambda itself carries out with the role.
func platform(f stack.Function) []string {
	all := []string{
		"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
		"kms:Decrypt", "kms:GenerateDataKey", // by SQS and DynamoDB for the caller
	}
	if f == stack.Intake { // the event source mapping
		all = append(all, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
	}
	return all
}

// testPermissions wants each function's role to allow what its code can call,
// and nothing else. What it can call is read off the binary: the linker keeps
// those methods of the SDK's clients that are reached from main.
func testPermissions(t *testing.T, x expansions) {
	variants := []deployed{
		x.wide.with(t, "Driver=step-functions", "KmsKey=create", "Tracing=Active", "CompletionQueueArn=arn:aws:sqs:"+region+":"+account+":done"),
		x.wide.with(t, "Driver=step-functions", "CompletionBusArn=arn:aws:events:"+region+":"+account+":event-bus/default", "DestinationType=Location"),
		x.wide.with(t, "Driver=step-functions", "CompletionWebhookUrl=https://example.com", "CompletionWebhookSecretParameter=/keys/hook"),
	}
	for _, f := range stack.FunctionsOf(stack.DriverSteps) {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			want := map[string]bool{}
			for _, a := range platform(f) {
				want[a] = true
			}
			excused := notCalled(f)
			for _, call := range calls(t, f) {
				if _, ok := excused[call]; ok {
					continue
				}
				for _, a := range needed(call) {
					want[a] = true
				}
			}
			got := map[string]bool{}
			for _, s := range variants {
				for _, st := range s.statements(logical(f) + "Role") {
					if text(at(st, "Effect")) != "Allow" {
						continue
					}
					for _, a := range texts(at(st, "Action")) {
						got[a] = true
					}
				}
			}
			for _, a := range slices.Sorted(maps.Keys(want)) {
				if !got[a] {
					t.Errorf("%s may not %s, which its code does", f, a)
				}
			}
			for _, a := range slices.Sorted(maps.Keys(got)) {
				if !want[a] {
					t.Errorf("%s may %s, which its code does not", f, a)
				}
			}
		})
	}
}

// deletes are the actions that remove or replace items.
func deletes() []string {
	return []string{"dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:PutItem", "dynamodb:PartiQLDelete", "dynamodb:PartiQLUpdate"}
}

// testAudit wants nobody to be allowed to delete an item of the audit log: who
// may delete in the table is denied it there.
func testAudit(t *testing.T, x expansions) {
	s := x.wide.with(t, "Driver=step-functions")
	holders := map[string][]any{}
	for name := range s.of("AWS::IAM::Role") {
		holders[name] = s.statements(name)
	}
	for name, p := range s.of("AWS::IAM::ManagedPolicy") {
		holders[name] = list(at(p, "PolicyDocument", "Statement"))
	}
	may := 0
	for name, statements := range holders {
		denied := map[string]bool{}
		for _, st := range statements {
			if text(at(st, "Effect")) == "Deny" && text(at(st, "Resource")) == "att:Table.Arn" &&
				slices.Contains(texts(at(st, "Condition", "ForAnyValue:StringEquals", "dynamodb:LeadingKeys")), dynamo.AuditPartition) {
				for _, a := range texts(at(st, "Action")) {
					denied[a] = true
				}
			}
		}
		for _, st := range statements {
			for _, a := range texts(at(st, "Action")) {
				if text(at(st, "Effect")) == "Allow" && slices.Contains(deletes(), a) {
					may++
					if !denied[a] {
						t.Errorf("%s may %s of the audit log", name, a)
					}
				}
			}
		}
	}
	if functions := len(stack.FunctionsOf(stack.DriverSteps)); may < functions+1 { // and the policy itself
		t.Errorf("only %d holders of a right to delete were looked at", may)
	}
}

// calls are the SDK's operations in a function's binary, "service:Operation".
func calls(t *testing.T, f stack.Function) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bootstrap")
	_, err := run(t.Context(), "..", "env", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "GOARM64=v8.0", "GOFLAGS=",
		"go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-o", path, "./cmd/lambda/"+string(f))
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	binary, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = binary.Close() }() // only read
	symbols, err := binary.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	method := regexp.MustCompile(`^github\.com/aws/aws-sdk-go-v2/service/([a-z0-9]+)\.\(\*Client\)\.([A-Z][A-Za-z0-9]*)$`)
	found := map[string]bool{}
	for _, s := range symbols {
		if m := method.FindStringSubmatch(s.Name); m != nil && m[2] != "Options" {
			found[m[1]+":"+m[2]] = true
		}
	}
	if !found["dynamodb:GetItem"] {
		t.Fatalf("the binary's symbols tell nothing: %v", found)
	}
	return slices.Sorted(maps.Keys(found))
}

// statements are those of a role's own policies and of the managed ones.
func (s deployed) statements(role string) []any {
	var all []any
	for _, p := range list(s.Resources[role].Properties["Policies"]) {
		all = append(all, list(at(p, "PolicyDocument", "Statement"))...)
	}
	for _, p := range s.of("AWS::IAM::ManagedPolicy") {
		if slices.Contains(texts(p["Roles"]), "ref:"+role) {
			all = append(all, list(at(p, "PolicyDocument", "Statement"))...)
		}
	}
	return all
}

// testPeople wants the policies of people to allow what the program calls for
// them; it names each call where it tells of its failure.
func testPeople(t *testing.T, x expansions) {
	allowed := map[string]bool{
		"sts:GetCallerIdentity": true, // needs no permission
	}
	s := x.wide.with(t)
	for _, policy := range []string{"ViewerPolicy", "OperatorPolicy"} {
		for _, st := range list(at(s.of("AWS::IAM::ManagedPolicy")[policy], "PolicyDocument", "Statement")) {
			for _, a := range texts(at(st, "Action")) {
				allowed[a] = true
			}
		}
	}
	files, err := filepath.Glob("../cmd/hikyaku/stack/*.go")
	if err != nil {
		t.Fatal(err)
	}
	called := 0
	for _, file := range files {
		source, err := os.ReadFile(file) //nolint:gosec // our own sources
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`wrap\("([a-z0-9]+):([A-Za-z, ]+)"`).FindAllStringSubmatch(string(source), -1) {
			for name := range strings.SplitSeq(call[2], ", ") {
				called++
				if action := call[1] + ":" + name; !allowed[action] {
					t.Errorf("%s calls %s, which neither policy allows", filepath.Base(file), action)
				}
			}
		}
	}
	if called < 10 {
		t.Errorf("only %d calls were found", called)
	}
}

// testResources wants every statement to name its resources, and a condition
// where their names cannot be known.
func testResources(t *testing.T, x expansions) {
	s := x.wide.with(t, "KmsKey=create", "Tracing=Active", "CompletionWebhookUrl=https://example.com", "CompletionWebhookSecretParameter=/keys/hook")
	unnamed := []string{"datasync:ListAgents", "datasync:ListLocations", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
	prefix := "arn:aws:datasync:" + region + ":" + account + ":"
	check := func(where string, st any) {
		if text(at(st, "Effect")) != "Allow" {
			return
		}
		for _, action := range texts(at(st, "Action")) {
			if strings.Contains(action, "*") {
				t.Errorf("%s: action %s", where, action)
			}
		}
		tagged := text(at(st, "Condition", "StringEquals", "aws:ResourceTag/hikyaku:stack")) == stackName
		for _, r := range texts(at(st, "Resource")) {
			var ok bool
			switch r {
			case "*":
				ok = !slices.ContainsFunc(texts(at(st, "Action")), func(a string) bool { return !slices.Contains(unnamed, a) })
			case prefix + "task/*", prefix + "location/*":
				ok = tagged
			case prefix + "task/*/execution/*", prefix + "agent/*":
				ok = true // of this account and region; template.yaml says why
			default:
				ok = strings.Contains(r, stackName) || strings.HasPrefix(r, "att:") || strings.HasPrefix(r, "ref:") || !strings.HasSuffix(r, ":*") && !strings.Contains(r, "/*") ||
					strings.HasPrefix(r, "arn:aws:s3:::outbox/orders/")
			}
			if !ok {
				t.Errorf("%s: %v on %s", where, texts(at(st, "Action")), r)
			}
		}
	}
	statements := 0
	for name := range s.of("AWS::IAM::Role") {
		for _, st := range s.statements(name) {
			check(name, st)
			statements++
		}
	}
	for name, p := range s.of("AWS::IAM::ManagedPolicy") {
		for _, st := range list(at(p, "PolicyDocument", "Statement")) {
			check(name, st)
			statements++
		}
	}
	if statements < 30 {
		t.Errorf("only %d statements were looked at", statements)
	}
}

// testRoles wants the permissions boundary on every role, and no role of
// DataSync's to serve another account.
func testRoles(t *testing.T, x expansions) {
	boundary := "arn:aws:iam::" + account + ":policy/boundary"
	s := x.wide.with(t, "PermissionsBoundaryArn="+boundary, "DestinationType=S3", "DestinationBucket=inbox")
	for name, p := range s.of("AWS::IAM::Role") {
		if text(p["PermissionsBoundary"]) != boundary {
			t.Errorf("%s has no boundary", name)
		}
		for _, st := range list(at(p, "AssumeRolePolicyDocument", "Statement")) {
			service := text(at(st, "Principal", "Service"))
			if service != "lambda.amazonaws.com" && text(at(st, "Condition", "StringEquals", "aws:SourceAccount")) != account {
				t.Errorf("%s: %s may assume it for anybody", name, service)
			}
		}
		if p["ManagedPolicyArns"] != nil {
			t.Errorf("%s has managed policies that are not ours: %v", name, p["ManagedPolicyArns"])
		}
	}
	for name, p := range x.wide.with(t).of("AWS::IAM::Role") {
		if p["PermissionsBoundary"] != nil {
			t.Errorf("%s has a boundary nobody asked for", name)
		}
	}
}
