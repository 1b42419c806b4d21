package lambda_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/lambda"
)

// settings are the ledger's.
func (w *world) ledgerSettings(t *testing.T) hikyaku.RouteSettings {
	t.Helper()
	p, err := w.ledger.Pool(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Settings {
		return s
	}
	return hikyaku.RouteSettings{}
}

func TestSettings_Refresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	refresh := func(text, code string) {
		t.Helper()
		w.clock.Advance(6 * time.Second)
		w.parameters.put("/st/route", text)
		if err := w.settings.Refresh(t.Context()); hikyaku.CodeOf(err) != code {
			t.Errorf("Refresh of %s = %v, want code %q", text, err, code)
		}
	}
	refresh(`{"paused": true, "paused_reason": "night", "bytes_per_second": 5000, "max_attempts": 7, "ready": {"quiet": "30s"}, "retry": {"first": "1s", "max": "2s"}, "stall_timeout": "1h"}`, "")
	if s := w.ledgerSettings(t); !s.Paused || s.PausedReason != "night" || *s.BytesPerSecond != 5000 || s.By != "settings document" {
		t.Errorf("ledger = %+v", s)
	}
	r := w.dispatcher.Routes()[0]
	if r.MaxAttempts != 7 || r.Ready.Quiet != 30*time.Second || r.Retry.Max != 2*time.Second || r.StallTimeout != time.Hour || r.Source != "s3://outbox/" {
		t.Errorf("route = %+v", r)
	}
	for _, bad := range []string{
		`{`, `{} {}`, `[]`, `{"unknown": 1}`, `{"bytes_per_second": 0}`, `{"bytes_per_second": -2}`, `{"max_attempts": 1000}`,
		`{"ready": {"quiet": "soon"}}`, `{"retry": {"first": "10s", "max": "1s"}}`, `{"schema_version": 2}`, `{"launch_timeout": "-1s"}`,
	} {
		refresh(bad, hikyaku.CodeSettingsInvalid)
		if got := w.dispatcher.Routes()[0]; got.MaxAttempts != 7 {
			t.Errorf("after %s the route is %+v; want the last good one", bad, got)
		}
	}
	refresh(`{}`, "")
	if s := w.ledgerSettings(t); s.Paused || *s.BytesPerSecond != -1 {
		t.Errorf("ledger = %+v; want it resumed and unlimited", s)
	}
	if got := w.dispatcher.Routes()[0]; got.MaxAttempts != hikyaku.DefaultMaxAttempts || got.Ready.Quiet != 0 {
		t.Errorf("route = %+v, want the defaults", got)
	}
}

// TestSettings_Refresh_cold: a process that never saw a good document finds
// the last one among the older versions.
func TestSettings_Refresh_cold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.parameters.put("/st/route", `{"max_attempts": 9}`)
	w.parameters.put("/st/route", `{"max_attempts": "many"}`)
	w.parameters.put("/st/route", `nonsense`)
	if err := w.settings.Refresh(t.Context()); hikyaku.CodeOf(err) != hikyaku.CodeSettingsInvalid {
		t.Errorf("Refresh = %v", err)
	}
	if got := w.dispatcher.Routes()[0].MaxAttempts; got != 9 {
		t.Errorf("max_attempts = %d, want 9", got)
	}
}

func TestSettings_Refresh_age(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	read := func(want int) {
		t.Helper()
		if err := w.settings.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.parameters.gets != want {
			t.Errorf("%d reads, want %d", w.parameters.gets, want)
		}
	}
	read(1)
	w.clock.Advance(4 * time.Second)
	read(1)
	w.clock.Advance(2 * time.Second)
	read(2)
	w.clock.Advance(6 * time.Second)
	w.parameters.fail = errors.New("no connection")
	if err := w.settings.Refresh(t.Context()); err == nil {
		t.Error("an unreachable store is no error")
	}
}

// TestSettings_Change_race: somebody else writes between read and write; both
// changes must be in the end's document.
func TestSettings_Change_race(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	others := 2
	w.parameters.before = func(name string) {
		if others--; others >= 0 {
			w.parameters.put(name, `{"max_attempts": 8, "paused": true}`)
		}
	}
	limit := int64(77)
	err := w.settings.Change(t.Context(), hikyaku.Act{By: "ada"}, func(d *lambda.Document) { d.BytesPerSecond = &limit })
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := w.parameters.Get(t.Context(), "/st/route")
	if err != nil {
		t.Fatal(err)
	}
	var d lambda.Document
	if err := json.Unmarshal([]byte(text), &d); err != nil || d.MaxAttempts != 8 || !d.Paused || *d.BytesPerSecond != 77 || d.By != "ada" {
		t.Errorf("document = %s, %v", text, err)
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add(`{"paused": true, "bytes_per_second": 5000, "ready": {"quiet": "30s", "marker": "_DONE"}, "retry": {"first": "1s"}}`)
	f.Add(`{"launch_timeout": "1h", "by": "x", "updated_at": "2026-01-01T00:00:00Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := lambda.ParseDocument(text, route())
		if err != nil {
			if hikyaku.CodeOf(err) != hikyaku.CodeSettingsInvalid {
				t.Fatalf("error without its code: %v", err)
			}
			return
		}
		if err := d.Overlay(route()).Validate(); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lambda.ParseDocument(string(raw), route()); err != nil {
			t.Fatalf("written %s, and then %v", raw, err)
		}
	})
}
