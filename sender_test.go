package hikyaku_test

import (
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
)

// TestMessage_Act reads back what Act.Attribute says, where the queue vouches
// for the sender, and nothing else.
func TestMessage_Act(t *testing.T) {
	t.Parallel()
	sent := hikyaku.Act{By: "user/taro", Reason: "再送\x00 \uFFFF\"now\"", Origin: hikyaku.OriginCLI, As: hikyaku.AuditEditAndResend, Count: 21, Recorded: true, Force: true}
	m := func(sender, said string) hikyaku.Message {
		return hikyaku.Message{Sender: sender, Attributes: map[string]string{hikyaku.AttributeAct: said}}
	}
	got := m("AIDA7", sent.Attribute()).Act()
	want := hikyaku.Act{
		By: "user/taro", Reason: "再送   \"now\"", Origin: "queue/cli", As: hikyaku.AuditEditAndResend, Count: 21, Recorded: true, Detail: "sender_id=AIDA7",
	}
	if got == nil || *got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := m("AIDA7", hikyaku.Act{By: "taro", As: hikyaku.AuditTokenCreate}.Attribute()).Act(); got == nil || got.As != "" || got.Origin != hikyaku.OriginQueue {
		t.Errorf("of another name: %+v", got)
	}
	long := hikyaku.Act{By: "taro", Reason: strings.Repeat("あ", 5000)}.Attribute()
	if got := m("AIDA7", long).Act(); got == nil || len(got.Reason) < 1000 || len(long) > 3000 {
		t.Errorf("a long reason: %d bytes, %+v", len(long), got)
	}
	for what, bad := range map[string]hikyaku.Message{
		"no sender": m("", sent.Attribute()), "nothing": m("AIDA7", ""), "no JSON": m("AIDA7", "taro"), "nobody": m("AIDA7", `{"reason":"x"}`),
		"a negative count": m("AIDA7", `{"by":"x","count":-1}`), "a long name": m("AIDA7", `{"by":"`+strings.Repeat("x", 300)+`"}`),
		"too long": m("AIDA7", `{"by":"x","reason":"`+strings.Repeat("x", 9000)+`"}`), "no attributes": {Sender: "AIDA7"},
	} {
		if got := bad.Act(); got != nil {
			t.Errorf("%s: got %+v", what, got)
		}
	}
}

// FuzzMessage_Act bounds what strangers' attributes become.
func FuzzMessage_Act(f *testing.F) {
	f.Add(hikyaku.Act{By: "taro", Reason: "x", Origin: "cli", Count: 3}.Attribute())
	f.Add(`{"by":"\u0000","as":"sign_in","count":9223372036854775807}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, said string) {
		a := hikyaku.Message{Sender: "s", Attributes: map[string]string{hikyaku.AttributeAct: said}}.Act()
		if a == nil {
			return
		}
		if a.By == "" || len(a.By) > 256 || a.Force || a.Count < 0 || a.Detail != "sender_id=s" || !strings.HasPrefix(a.Origin, hikyaku.OriginQueue) {
			t.Errorf("%q became %+v", said, a)
		}
	})
}
