package queue_test

import (
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/queue"
)

func TestService_Send_Refused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q", "MaximumMessageSize", "1024")
		text := func(v string) queue.Attribute { return queue.Attribute{DataType: "String", String: v} }
		with := func(name string, a queue.Attribute) queue.Draft {
			return queue.Draft{Body: "x", Attributes: map[string]queue.Attribute{name: a}}
		}
		many := map[string]queue.Attribute{}
		for _, c := range "abcdefghijk" {
			many[string(c)] = text("x")
		}
		tests := map[string]struct {
			draft queue.Draft
			want  queue.Code
		}{
			"empty":              {queue.Draft{}, queue.CodeMissingParameter},
			"NUL":                {queue.Draft{Body: "a\x00"}, queue.CodeInvalidMessageContents},
			"escape":             {queue.Draft{Body: "\x1b"}, queue.CodeInvalidMessageContents},
			"U+FFFE":             {queue.Draft{Body: "\ufffe"}, queue.CodeInvalidMessageContents},
			"too long":           {queue.Draft{Body: strings.Repeat("x", 1025)}, queue.CodeInvalidParameterValue},
			"too long together":  {queue.Draft{Body: strings.Repeat("x", 1015), Attributes: map[string]queue.Attribute{"n": text("val")}}, queue.CodeInvalidParameterValue},
			"delay":              {queue.Draft{Body: "x", DelaySeconds: new(901)}, queue.CodeInvalidParameterValue},
			"deduplication":      {queue.Draft{Body: "x", DeduplicationID: "d"}, queue.CodeInvalidParameterValue},
			"eleven attributes":  {queue.Draft{Body: "x", Attributes: many}, queue.CodeInvalidParameterValue},
			"attribute name":     {with("a b", text("x")), queue.CodeInvalidParameterValue},
			"attribute dots":     {with("a..b", text("x")), queue.CodeInvalidParameterValue},
			"attribute reserved": {with("AWS.x", text("x")), queue.CodeInvalidParameterValue},
			"attribute type":     {with("a", queue.Attribute{DataType: "Date", String: "x"}), queue.CodeInvalidParameterValue},
			"no type":            {with("a", queue.Attribute{String: "x"}), queue.CodeInvalidParameterValue},
			"no value":           {with("a", text("")), queue.CodeInvalidParameterValue},
			"wrong value":        {with("a", queue.Attribute{DataType: "Binary", String: "x"}), queue.CodeInvalidParameterValue},
			"not a number":       {with("a", queue.Attribute{DataType: "Number", String: "1x"}), queue.CodeInvalidParameterValue},
			"attribute NUL":      {with("a", text("\x00")), queue.CodeInvalidMessageContents},
		}
		for name, test := range tests {
			t.Log(name)
			_, err := s.Send(t.Context(), "q", test.draft)
			wantCode(t, err, test.want)
		}
		if visible(t, s, "q") != "0" {
			t.Error("a refused message is in the queue")
		}
		for _, body := range []string{"\t\n\r ~", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff", strings.Repeat("x", 1024)} {
			send(t, s, "q", body)
		}
	})
}

func TestAttributesDigest(t *testing.T) {
	t.Parallel()
	// Computed by hand from the definition: the concatenation below, MD5.
	got := queue.AttributesDigest(map[string]queue.Attribute{
		"b": {DataType: "Binary", Binary: []byte{1}}, "a": {DataType: "String", String: "x"},
	})
	raw := "\x00\x00\x00\x01a\x00\x00\x00\x06String\x01\x00\x00\x00\x01x\x00\x00\x00\x01b\x00\x00\x00\x06Binary\x02\x00\x00\x00\x01\x01"
	if want := queue.BodyDigest(raw); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := queue.AttributesDigest(nil); got != "" {
		t.Errorf("got %q without attributes, want nothing", got)
	}
}

// FuzzReceipt gives the service handles that it never made.
func FuzzReceipt(f *testing.F) {
	store := memoryService(f)
	f.Add("")
	f.Add("AQICBGFiY2Rx")
	f.Add("AQIC/2FiY2Rx")
	f.Fuzz(func(t *testing.T, handle string) {
		err := store.ChangeVisibility(t.Context(), "q", queue.VisibilityChange{Handle: handle, Seconds: new(0)})
		if err == nil {
			t.Fatalf("a forged handle %q was taken", handle)
		}
	})
}

// FuzzAttributes sets policies that were made up.
func FuzzAttributes(f *testing.F) {
	s := memoryService(f)
	f.Add("RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:local-1:000000000000:q","maxReceiveCount":"5"}`)
	f.Add("RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["a\"b"]}`)
	f.Add("VisibilityTimeout", "1e3")
	f.Add("SqsManagedSseEnabled", "T")
	f.Fuzz(func(t *testing.T, name, value string) {
		if err := s.SetAttributes(t.Context(), "q", map[string]string{name: value}); err != nil {
			return
		}
		got, err := s.Attributes(t.Context(), "q", []string{"All"})
		if err != nil {
			t.Fatal(err)
		}
		shown, ok := got[name]
		if !ok {
			return
		}
		// What is shown can be set again and shows the same.
		if err := s.SetAttributes(t.Context(), "q", map[string]string{name: shown}); err != nil {
			t.Fatalf("set %s to %q as shown: %v", name, shown, err)
		}
		again, err := s.Attributes(t.Context(), "q", []string{name})
		if err != nil || again[name] != shown {
			t.Fatalf("got %q, %v, want %q", again[name], err, shown)
		}
	})
}
