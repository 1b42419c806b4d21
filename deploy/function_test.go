package deploy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/lambda"
)

// logical is the name of a function's resources in the template.
func logical(f stack.Function) string { return strings.ToUpper(string(f[:1])) + string(f[1:]) }

func testFunctions(t *testing.T, x expansions) {
	s := x.prod.with(t)
	if got, want := len(s.of("AWS::Lambda::Function")), len(stack.Functions()); got != want {
		t.Errorf("%d functions, want %d", got, want)
	}
	roles := map[string]bool{}
	for _, f := range stack.Functions() {
		p := s.Resources[logical(f)+"Function"].Properties
		group := s.Resources[logical(f)+"LogGroup"].Properties
		roles[text(p["Role"])] = true
		for what, ok := range map[string]bool{
			"its own name":                  text(p["FunctionName"]) == stackName+"-"+string(f),
			"arm64":                         slices.Equal(texts(p["Architectures"]), []string{"arm64"}),
			"provided.al2023":               text(p["Runtime"]) == "provided.al2023" && text(p["Handler"]) == "bootstrap",
			"its own log group":             text(at(p, "LoggingConfig", "LogGroup")) == "ref:"+logical(f)+"LogGroup" && text(group["LogGroupName"]) == "/aws/lambda/"+stackName+"-"+string(f),
			"lines that stay as they are":   text(at(p, "LoggingConfig", "LogFormat")) == "Text",
			"a retention":                   number(group["RetentionInDays"]) == 365,
			"no reserved concurrency":       p["ReservedConcurrentExecutions"] == nil,
			"tracing by parameter":          text(at(p, "TracingConfig", "Mode")) == "Active",
			"a timeout under the quarter":   number(p["Timeout"]) > 0 && number(p["Timeout"]) <= 900,
			"an alarm on errors":            text(at(s.Resources[logical(f)+"ErrorsAlarm"].Properties, "Dimensions", 0, "Value")) == stackName+"-"+string(f),
			"an alarm on throttles":         text(at(s.Resources[logical(f)+"ThrottlesAlarm"].Properties, "Dimensions", 0, "Value")) == stackName+"-"+string(f),
			"code of its own in the bucket": strings.HasSuffix(text(at(p, "Code", "S3Key")), string(f)+".zip"),
		} {
			if !ok {
				t.Errorf("function %s does not have: %s", f, what)
			}
		}
	}
	if len(roles) != len(stack.Functions()) {
		t.Errorf("functions share roles: %v", roles)
	}
}

// testEnvironment holds what each function is given against what it reads,
// and lets the function's own code read it.
func testEnvironment(t *testing.T, x expansions) {
	targets := []string{
		"CompletionQueueArn=arn:aws:sqs:" + region + ":" + account + ":done", "CompletionBusArn=arn:aws:events:" + region + ":" + account + ":event-bus/default",
		"CompletionWebhookUrl=https://example.com/hook", "KeyPattern=orders/{id}/*", "MaxAttempts=7",
	}
	stacks := map[string]deployed{"dev": x.dev.with(t), "stg": x.stg.with(t), "prod": x.prod.with(t)}
	for _, given := range targets {
		stacks[given] = x.wide.with(t, given, "CompletionWebhookSecretParameter=/keys/hook")
	}
	for name, s := range stacks {
		for _, f := range stack.Functions() {
			variables, _ := at(s.Resources[logical(f)+"Function"].Properties, "Environment", "Variables").(map[string]any)
			read := stack.Of(f)
			size := 0
			for v, value := range variables {
				size += len(v) + len(text(value))
				if !slices.ContainsFunc(read, func(r stack.Variable) bool { return r.Name == v }) {
					t.Errorf("%s: %s is given %s, which it does not read", name, f, v)
				}
			}
			if size > 4096 {
				t.Errorf("%s: the environment of %s has %d bytes", name, f, size)
			}
			for _, r := range read {
				if _, ok := variables[r.Name]; !ok {
					t.Errorf("%s: %s is not given %s", name, f, r.Name)
				}
			}
			if _, err := stack.Load(f, func(v string) string { return text(variables[v]) }); err != nil {
				t.Errorf("%s: %s does not start: %v", name, f, err)
			}
		}
	}
	c, err := stack.Load(stack.Refresh, func(v string) string {
		return text(at(stacks[targets[0]].Resources["RefreshFunction"].Properties, "Environment", "Variables", v))
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://sqs." + region + ".amazonaws.com/" + account + "/done"; c.CompletionQueue != want {
		t.Errorf("completion queue %s, want %s", c.CompletionQueue, want)
	}
	if c.Route.Source != "s3://outbox/orders/" || c.Route.Destination != "nfs://filer/" {
		t.Errorf("route from %s to %s", c.Route.Source, c.Route.Destination)
	}
	if c.CompletionSecret != "" {
		t.Error("a queue is signed for")
	}
}

// testSettings lets the functions' code read the settings document.
func testSettings(t *testing.T, x expansions) {
	base := hikyaku.Route{Name: "orders", Source: "s3://outbox/orders/", Destination: "nfs://filer/"}
	read := func(given ...string) lambda.Document {
		t.Helper()
		value := text(x.wide.with(t, given...).Resources["Settings"].Properties["Value"])
		if len(value) > 4096 {
			t.Errorf("%d bytes", len(value))
		}
		d, err := lambda.ParseDocument(value, base)
		if err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		return d
	}
	if d := read(); d.Paused || d.MaxAttempts != hikyaku.DefaultMaxAttempts || *d.BytesPerSecond != -1 {
		t.Errorf("defaults: %+v", d)
	}
	d := read("RoutePaused=true", "BytesPerSecond=1048576", "MaxAttempts=7", "ReadyQuiet=30s", "ReadyMarker=_DONE", "RetryFirst=1m", "RetryMax=1h30m")
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema_version":1,"paused":true,"bytes_per_second":1048576,"max_attempts":7,"ready":{"quiet":"30s","marker":"_DONE"},"retry":{"first":"1m0s","max":"1h30m0s"}}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
}
