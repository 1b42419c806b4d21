package stack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/hikyaku/stack"
)

// TestOutputNames_template: every template has every output that is asked for.
func TestOutputNames_template(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../../../deploy/template*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name) //nolint:gosec // of this repository
		if err != nil {
			t.Fatal(err)
		}
		_, outputs, found := strings.Cut(string(text), "\nOutputs:\n")
		if !found {
			t.Fatalf("%s has no outputs", name)
		}
		for _, output := range stack.OutputNames() {
			if !regexp.MustCompile(`(?m)^  ` + output + `:`).MatchString(outputs) {
				t.Errorf("%s has no output %s", name, output)
			}
		}
	}
}

// TestOpen_errors: what AWS answers to the first call decides kind and code.
func TestOpen_errors(t *testing.T) { //nolint:paralleltest // the environment is the process's
	answer := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<ErrorResponse><Error><Code>" + code + "</Code><Message>no</Message></Error></ErrorResponse>"))
		}
	}
	stacks := func(outputs map[string]string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			var members strings.Builder
			for k, v := range outputs {
				members.WriteString("<member><OutputKey>" + k + "</OutputKey><OutputValue>" + v + "</OutputValue></member>")
			}
			_, _ = w.Write([]byte("<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>st</StackName><StackStatus>CREATE_IN_PROGRESS</StackStatus><Outputs>" +
				members.String() + "</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"))
		}
	}
	all := map[string]string{}
	for _, name := range stack.OutputNames() {
		all[name] = "x"
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AK")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		kind   hikyaku.Kind
		code   string
	}{
		"missing":      {answer(400, "ValidationError"), hikyaku.KindNotFound, hikyaku.CodeStackNotFound},
		"forbidden":    {answer(403, "AccessDenied"), hikyaku.KindDenied, hikyaku.CodeCallDenied},
		"expired":      {answer(403, "ExpiredToken"), hikyaku.KindDenied, hikyaku.CodeNoCredentials},
		"unknown key":  {answer(403, "InvalidClientTokenId"), hikyaku.KindDenied, hikyaku.CodeNoCredentials},
		"throttled":    {answer(400, "Throttling"), hikyaku.KindTransient, hikyaku.CodeAWSUnreachable},
		"broken":       {answer(500, "InternalFailure"), hikyaku.KindTransient, hikyaku.CodeAWSUnreachable},
		"none":         {stacks(nil), hikyaku.KindInvalid, hikyaku.CodeStackUnfit},
		"one of ours":  {stacks(all), "", ""},
		"hung up":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, hikyaku.KindTransient, hikyaku.CodeAWSUnreachable},
		"unknown code": {answer(403, "Whatever"), hikyaku.KindDenied, hikyaku.CodeCallDenied},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", server.URL)
			_, err := stack.Open(t.Context(), stack.Options{Name: "st", Region: "eu-west-1", Now: time.Now})
			if hikyaku.KindOf(err) != tt.kind || hikyaku.CodeOf(err) != tt.code {
				t.Errorf("Open = %v, kind %q, code %q; want %q %q", err, hikyaku.KindOf(err), hikyaku.CodeOf(err), tt.kind, tt.code)
			}
			if entry, ok := hikyaku.Lookup(tt.code); tt.code != "" && (!ok || entry.Kind != tt.kind) {
				t.Errorf("the catalogue says %q of %s", entry.Kind, tt.code)
			}
		})
	}
}

// TestFailed is the same value in both languages but for the words.
func TestFailed(t *testing.T) {
	t.Parallel()
	err := hikyaku.NewError(hikyaku.CodeCallDenied, "cloudformation:DescribeStacks", "st", "")
	en, ja := stack.Failed("stack", err, "en"), stack.Failed("stack", err, "ja")
	if len(en) != 1 || en[0].Status != "fail" || en[0].Remedy == "" || en[0].Remedy == ja[0].Remedy || en[0].Check != ja[0].Check {
		t.Errorf("en %+v, ja %+v", en, ja)
	}
	if raw, err := json.Marshal(en[0]); err != nil || !strings.Contains(string(raw), `"check":"stack","status":"fail","detail":"`) {
		t.Errorf("%s, %v", raw, err)
	}
}
