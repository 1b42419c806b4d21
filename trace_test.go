package hikyaku_test

import (
	"regexp"
	"testing"

	"github.com/hikyaku/hikyaku"
)

func TestMessage_Trace(t *testing.T) {
	t.Parallel()
	const (
		w3c  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	)
	for name, c := range map[string]struct{ w3c, xray, want string }{
		"none":             {"", "", ""},
		"w3c":              {w3c, "", w3c},
		"x-ray":            {"", xray, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"},
		"both":             {w3c, xray, w3c},
		"not sampled":      {"", "Parent=53995c3f42cd8ad8; Root=1-5759e988-bd862e3fe1be46a994272793", "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00"},
		"no parent":        {"", "Root=1-5759e988-bd862e3fe1be46a994272793", ""},
		"all zero":         {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "", ""},
		"upper case":       {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "", ""},
		"other version":    {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "", ""},
		"bad falls back":   {"x", xray, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"},
		"a tag would fail": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0;", "", ""},
	} {
		m := hikyaku.Message{Attributes: map[string]string{hikyaku.AttributeTraceparent: c.w3c, hikyaku.AttributeXRay: c.xray}}
		if got := m.Trace(); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func FuzzMessage_Trace(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "")
	f.Add("", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
	valid := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	f.Fuzz(func(t *testing.T, w3c, xray string) {
		m := hikyaku.Message{Attributes: map[string]string{hikyaku.AttributeTraceparent: w3c, hikyaku.AttributeXRay: xray}}
		if got := m.Trace(); got != "" && !valid.MatchString(got) {
			t.Fatalf("%q is no traceparent", got)
		}
	})
}
