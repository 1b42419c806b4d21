package console_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func TestDocument_TimesAreAlwaysThere(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	queued := hikyaku.Transfer{ID: "a<b", TransferID: "1", CreatedAt: at}
	running := hikyaku.Transfer{ID: "B", TransferID: "2", StartedAt: at, Attempts: []hikyaku.Attempt{
		{Number: 1, StartedAt: at, EndedAt: at.Add(time.Second)}, {Number: 2, StartedAt: at},
	}}
	both := []hikyaku.Transfer{queued, running}
	const (
		wantQueued  = `"started_at":null,"ended_at":null,"attempts":[]`
		wantRunning = `"started_at":"2026-03-04T05:06:07Z","ended_at":null,"attempts":[`
	)
	for _, tt := range []struct {
		name string
		v    any
		back any
		want []string
	}{
		{"one", console.Document{Transfer: queued}, &console.Document{}, []string{wantQueued}},
		{"list", console.TransferList{Transfers: both}, &console.TransferList{}, []string{wantQueued, wantRunning, `"next_token":null`}},
		{"detail", console.TransferDetail{Transfer: running, Events: []hikyaku.Event{}}, &console.TransferDetail{}, []string{wantRunning, `"ended_at":"2026-03-04T05:06:08Z"}`, `"ended_at":null}`, `"events":[]`}},
		{"sent", console.SendResult{Transfers: both, Failed: []console.ItemError{}}, &console.SendResult{}, []string{wantQueued, wantRunning, `"failed":[]`}},
		{"dead letters", console.DeadLetterList{DeadLetters: both}, &console.DeadLetterList{}, []string{wantQueued, wantRunning}},
	} {
		raw, err := json.Marshal(tt.v)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s: no %s in %s", tt.name, want, raw)
			}
		}
		if err := json.Unmarshal(raw, tt.back); err != nil {
			t.Errorf("%s: read back: %v", tt.name, err)
			continue
		}
		again, err := json.Marshal(reflect.ValueOf(tt.back).Elem().Interface())
		if err != nil || string(again) != string(raw) {
			t.Errorf("%s: %v, read back as\n%s\nwant\n%s", tt.name, err, again, raw)
		}
	}
}
