package console_test

import (
	"bytes"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// schema is what this test needs of a JSON schema. 3.1's null types are beyond
// some validators, so replies are compared field by field.
type document struct {
	Paths      map[string]map[string]any `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

type schema struct {
	Ref                  string            `yaml:"$ref"`
	Type                 any               `yaml:"type"`
	Required             []string          `yaml:"required"`
	Properties           map[string]schema `yaml:"properties"`
	Items                *schema           `yaml:"items"`
	OneOf                []schema          `yaml:"oneOf"` //nolint:tagliatelle // JSON schema's name
	Enum                 []string          `yaml:"enum"`
	AdditionalProperties *schema           `yaml:"additionalProperties"` //nolint:tagliatelle // JSON schema's name
}

func load(t *testing.T) document {
	t.Helper()
	var d document
	if err := yaml.Unmarshal(console.OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOpenAPI_IsADocument(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(console.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Components.Schemas) < 20 {
		t.Errorf("version %s, %d schemas", doc.OpenAPI, len(doc.Components.Schemas))
	}
}

func TestOpenAPI_DescribesExactlyTheRoutes(t *testing.T) {
	t.Parallel()
	var described []string
	for path, item := range load(t).Paths {
		for method := range item {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	served := consoletest.New(t, nil).Console.Operations()
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described %v\nserved    %v", described, served)
	}
}

// TestOpenAPI_SaysTheLeastRole: x-role is what the routes ask for.
func TestOpenAPI_SaysTheLeastRole(t *testing.T) {
	t.Parallel()
	d := load(t)
	said := 0
	for _, r := range consoletest.New(t, nil).Console.Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		operation, ok := d.Paths[path][strings.ToLower(method)].(map[string]any)
		if !ok {
			continue // a page
		}
		said++
		if got := operation["x-role"]; got != string(r.Scope) {
			t.Errorf("%s needs %s and says %v", r.Pattern, r.Scope, got)
		}
	}
	if said < 20 {
		t.Errorf("only %d operations were compared", said)
	}
}

// check holds a value against a schema: no field that is not described, none
// missing that is required, types and enums as said.
func (d document) check(t *testing.T, at string, s schema, v any) {
	t.Helper()
	if s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	if len(s.OneOf) == 2 { // a schema or null
		if v != nil {
			d.check(t, at, s.OneOf[0], v)
		}
		return
	}
	switch x := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := x[name]; !ok {
				t.Errorf("%s: required field %s is missing", at, name)
			}
		}
		for name, value := range x {
			sub, ok := s.Properties[name]
			switch {
			case ok:
				d.check(t, at+"."+name, sub, value)
			case s.AdditionalProperties != nil:
				d.check(t, at+"."+name, *s.AdditionalProperties, value)
			case s.Properties != nil:
				t.Errorf("%s: field %s is not described (known: %v)", at, name, slices.Sorted(maps.Keys(s.Properties)))
			}
		}
	case []any:
		if s.Items == nil {
			t.Errorf("%s: an array is not described", at)
			return
		}
		for _, e := range x {
			d.check(t, at+"[]", *s.Items, e)
		}
	case string:
		if s.Type != "string" && !nullable(s, "string") || (len(s.Enum) > 0 && !slices.Contains(s.Enum, x)) {
			t.Errorf("%s: %q does not fit %v %v", at, x, s.Type, s.Enum)
		}
	case nil:
		if !nullable(s, "null") {
			t.Errorf("%s: null does not fit %v", at, s.Type)
		}
	case bool:
		if s.Type != "boolean" {
			t.Errorf("%s: a boolean does not fit %v", at, s.Type)
		}
	default:
		if s.Type != "integer" {
			t.Errorf("%s: %v does not fit %v", at, x, s.Type)
		}
	}
}

func nullable(s schema, name string) bool {
	types, _ := s.Type.([]any)
	return slices.Contains(types, any(name))
}

func TestOpenAPI_RepliesFit(t *testing.T) {
	t.Parallel()
	d := load(t)
	f := consoletest.New(t, nil)
	one := "/api/v1/transfers/" + consoletest.ID(8)
	for _, tt := range []struct {
		req    request
		schema string
	}{
		{request{path: "/api/v1/transfers"}, "TransferList"},
		{request{path: one}, "TransferDetail"},
		{request{path: one + "/events"}, "EventList"},
		{request{path: one + "/files"}, "FileList"},
		{request{path: "/api/v1/pool"}, "Pool"},
		{request{path: "/api/v1/agents"}, "AgentList"},
		{request{path: "/api/v1/dlq"}, "DeadLetterList"},
		{request{path: "/api/v1/routes"}, "RouteList"},
		{request{path: "/api/v1/stats"}, "Stats"},
		{request{path: "/api/v1/audit"}, "AuditList"},
		{request{path: "/api/v1/audit/head"}, "AuditHead"},
		{request{path: "/api/v1/transfers/none"}, "ErrorBody"},
		{request{method: "POST", path: "/api/v1/transfers", body: `{"ids":["O-1","bad/id"],"metadata":{"a":"b"}}`}, "SendResult"},
		{request{method: "POST", path: one + "/rerun", body: `{"reason":"why"}`}, "Transfer"},
		{request{method: "POST", path: one + "/cancel"}, "Transfer"},
		{request{method: "POST", path: one + "/resend", body: `{"event":3,"target":"hook","reason":"lost"}`}, "Transfer"},
		{request{method: "POST", path: "/api/v1/routes/orders/pause"}, "RouteSettings"},
		{request{method: "POST", path: "/api/v1/routes/orders/resume"}, "RouteSettings"},
		{request{method: "POST", path: "/api/v1/routes/orders/limit", body: `{"bytes_per_second":-1}`}, "RouteSettings"},
		{request{method: "POST", path: "/api/v1/tasks/bench", body: `{"task_arn":"arn"}`}, "TaskResult"},
		{request{method: "POST", path: "/api/v1/tasks/unbench", body: `{"task_arn":"arn"}`}, "TaskResult"},
		{request{method: "POST", path: "/api/v1/dlq/redrive", body: `{"transfer_ids":["` + consoletest.ID(9) + `"]}`}, "RedriveResult"},
		{request{method: "POST", path: "/api/v1/dlq/discard", body: `{"all":true}`}, "DiscardResult"},
	} {
		tt.req.token = consoletest.AdminToken
		res := tt.req.do(t, f)
		raw := []byte(text(t, res))
		var v any
		if err := yaml.NewDecoder(bytes.NewReader(raw)).Decode(&v); err != nil {
			t.Fatalf("%s %s: %v: %s", tt.req.method, tt.req.path, err, raw)
		}
		if _, ok := d.Components.Schemas[tt.schema]; !ok || (tt.schema != "ErrorBody" && res.StatusCode >= http.StatusBadRequest) {
			t.Errorf("%s %s: status %d, schema %s known %v: %s", tt.req.method, tt.req.path, res.StatusCode, tt.schema, ok, raw)
		}
		d.check(t, tt.req.path+" "+tt.schema, d.Components.Schemas[tt.schema], v)
	}
}

// fields returns the JSON names of a struct, embedded ones included.
func fields(typ reflect.Type) []string {
	var out []string
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			out = append(out, fields(f.Type)...)
		case name != "-":
			out = append(out, name)
		}
	}
	return out
}

func TestOpenAPI_DescribesEveryField(t *testing.T) {
	t.Parallel()
	d := load(t)
	for name, v := range map[string]any{
		"Transfer": hikyaku.Transfer{}, "TransferDetail": console.TransferDetail{}, "Attempt": hikyaku.Attempt{}, "Event": hikyaku.Event{},
		"Failure": hikyaku.Failure{}, "Found": hikyaku.Found{}, "Files": hikyaku.Files{}, "Bytes": hikyaku.Bytes{}, "Durations": hikyaku.Durations{},
		"Task": hikyaku.Task{}, "Agent": console.AgentInfo{}, "AgentTask": console.AgentTask{}, "AgentChange": hikyaku.AgentChange{}, "Carried": hikyaku.Carried{}, "RouteSettings": hikyaku.RouteSettings{}, "RouteInfo": console.RouteInfo{},
		"AuditRecord": hikyaku.AuditRecord{}, "AuditList": console.AuditList{}, "AuditHead": hikyaku.AuditHead{}, "Stats": console.Stats{}, "File": console.File{}, "FileList": console.FileList{}, "ActRequest": console.ActRequest{},
		"SendRequest": console.SendRequest{}, "SendResult": console.SendResult{}, "Error": console.APIError{}, "Pool": console.Pool{},
		"Token": console.Token{}, "NewToken": console.NewToken{}, "CreatedToken": console.CreatedToken{}, "TokenList": console.TokenList{}, "Revoked": console.Revoked{},
		"CompletionEvent": console.CompletionEvent{}, "OwedEvents": console.OwedEvents{}, "ResendRequest": console.ResendRequest{},
	} {
		got := slices.Sorted(maps.Keys(d.Components.Schemas[name].Properties))
		want := fields(reflect.TypeOf(v))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: described %v\nhas %v", name, got, want)
		}
	}
}
