package cli_test

import (
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// TestCompletion_Words is what the shell is offered: at least the first texts,
// and none of the others.
func TestCompletion_Words(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	for _, tt := range []struct {
		line         string
		want, refuse []string
	}{
		{"show A-100", []string{"A-1001\tRUNNING", "A-1004\tQUEUED"}, []string{"A-0992", "IMG"}},
		{"show A-1001 ", nil, []string{"A-1"}},
		{"show " + consoletest.ID(0)[:24], []string{consoletest.ID(0) + "\t"}, nil},
		{"watch A-", []string{"A-1001"}, nil},
		{"logs A-", []string{"A-1001"}, nil},
		{"cancel A-", []string{"A-1001", "A-1004"}, []string{"A-0992", "A-0998"}},
		{"cancel A-1001 A-100", []string{"A-1004"}, []string{"A-1001"}},
		{"rerun A-", []string{"A-0998", "A-0992"}, []string{"A-1001"}},
		{"dlq show A-", []string{"A-0997"}, []string{"A-1001"}},
		{"dlq redrive A-", []string{"A-0997"}, []string{"A-1001"}},
		{"dlq discard A-", []string{"A-0997"}, []string{"A-1001"}},
		{"dlq list --dead-letter ", []string{"owed", "sent", "redriven", "discarded"}, nil},
		{"transfers --state ", []string{"failed\tfailed", "queued\t"}, []string{"QUEUED"}},
		{"transfers --state queued,", []string{"queued,running\t"}, []string{"queued,queued"}},
		{"transfers --route ", []string{"orders\t", "images\t"}, nil},
		{"route pause im", []string{"images\t"}, []string{"orders"}},
		{"route limit ", []string{"orders\t"}, nil},
		{"route limit orders ", []string{"10MiB", "unlimited\t"}, []string{"orders"}},
		{"rerun --error ", []string{"HKY-2001\t", "HKY-5002\t"}, nil},
		{"rerun --error HKY-9", []string{hikyaku.CodeInternal + "\t"}, []string{"HKY-2001"}},
		{"pool bench ", []string{"task-0", "\torders IDLE"}, []string{"BENCHED"}},
		{"pool unbench ", []string{"\torders BENCHED"}, []string{"IDLE"}},
		{"transfers --since ", []string{"1h\t", "24h\t", "7d\t"}, nil},
		{"send A --wait --timeout ", []string{"10m"}, nil},
		{"pool -o ", []string{"table", "json", "csv"}, nil},
		{"pool --lang ", []string{"en", "ja"}, nil},
		{"help rou", []string{"route\t"}, []string{"pool"}},
		{"help route ", []string{"pause\t"}, nil},
		{"completion ", []string{"bash", "zsh", "fish", "powershell"}, nil},
	} {
		got := r.do(t, append([]string{"__complete"}, strings.Split(tt.line, " ")...)...)
		for _, want := range tt.want {
			if !strings.Contains(got.out, want) {
				t.Errorf("%s: %q is missing in\n%s", tt.line, want, got.out)
			}
		}
		for _, not := range tt.refuse {
			if strings.Contains(got.out, not) {
				t.Errorf("%s: %q is offered in\n%s", tt.line, not, got.out)
			}
		}
		if strings.ContainsAny(got.out, "\x1b\u202e") {
			t.Errorf("%s: control characters reached the shell: %q", tt.line, got.out)
		}
	}
}

func TestCompletion_Japanese(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	r.env = map[string]string{"LANG": "ja_JP.UTF-8"}
	for line, want := range map[string]string{"transfers --state ": "queued\t待機中", "transfers --since ": "1h\t直近1時間"} {
		if got := r.do(t, append([]string{"__complete"}, strings.Split(line, " ")...)...); !strings.Contains(got.out, want) {
			t.Errorf("%s: %q is missing in\n%s", line, want, got.out)
		}
	}
}

// TestCompletion_NoServer offers what needs none, and fails silently.
func TestCompletion_NoServer(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	r.token = "guess"
	if got := r.do(t, "__complete", "show", "A-"); got.code != 0 || strings.Contains(got.out, "A-1") {
		t.Errorf("got %+v", got)
	}
	if got := r.do(t, "__complete", "rerun", "--error", "HKY-20"); !strings.Contains(got.out, "HKY-2001\t") {
		t.Errorf("got %+v", got)
	}
}
