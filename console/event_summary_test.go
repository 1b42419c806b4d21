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

// TestEventSummary says what matters of an event, and leaves out the rest.
func TestEventSummary(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 44, 24, 5, time.UTC)
	failure := hikyaku.NewFailure(hikyaku.CodeFilesFailed, "FilesSkipped: see the log", "")
	failure.Message, failure.Detail = "Some files failed", "FilesSkipped: see the log"
	progress := hikyaku.Progress{
		Files: hikyaku.Files{Total: 9, Transferred: 8, Verified: 8, Failed: 1},
		Bytes: hikyaku.Bytes{Total: 3 << 20, Transferred: 2 << 20}, Rate: 1 << 20, Durations: hikyaku.Durations{Queued: 4982},
	}
	for _, tc := range []struct {
		detail hikyaku.Detail
		en, ja string
	}{
		{&hikyaku.AcceptedDetail{ID: "A", Route: "orders", MessageID: "m-1", Body: "A", MaxAttempts: 3}, "route: orders · message: m-1", "ルート：orders · メッセージ：m-1"},
		{&hikyaku.LookedDetail{Found: hikyaku.Found{Listed: true, Objects: 1234, Bytes: 3 << 20, Newest: at}}, "files: 1,234 · 3.0 MiB · newest file: 2026-11-23 09:44:24Z", "ファイル：1,234 · 3.0 MiB · 最新のファイル：2026-11-23 09:44:24Z"},
		{&hikyaku.LookedDetail{}, "", ""},
		{&hikyaku.AssignedDetail{TaskARN: "arn:aws:datasync:x:1:task/task-1", Token: 3, LeaseExpires: at, TransferMode: "ALL"}, "task: task-1 · lease number: 3 · transfer mode: ALL", "タスク：task-1 · リース番号：3 · 転送モード：ALL"},
		{&hikyaku.PhaseDetail{Status: "TRANSFERRING", Progress: progress}, "8 of 9 files and folders, 2.0 MiB of 3.0 MiB · files failed: 1 · 1.0 MiB/s", "ファイルとフォルダー 8 / 9 件、2.0 MiB / 3.0 MiB · 失敗したファイル：1 · 1.0 MiB/s"},
		{&hikyaku.PhaseDetail{Status: "LAUNCHING"}, "", ""},
		{
			&hikyaku.AttemptEndedDetail{Status: "ERROR", Failure: failure, Waiting: hikyaku.WaitingDetail{Reason: "backing_off", NotBefore: at}},
			failure.Code + " Some files failed · FilesSkipped: see the log · not before: 2026-11-23 09:44:24Z",
			failure.Code + " 一部のファイルが失敗しました · FilesSkipped: see the log · 開始可能時刻：2026-11-23 09:44:24Z",
		},
		{&hikyaku.CancelRequestedDetail{Reason: "wrong\x1b[31m"}, `reason: wrong\x1b[31m`, `理由：wrong\x1b[31m`},
	} {
		raw, err := json.Marshal(tc.detail)
		if err != nil {
			t.Fatal(err)
		}
		e := hikyaku.Event{Type: tc.detail.EventType(), Detail: raw}
		for l, want := range map[console.Lang]string{console.LangEnglish: tc.en, console.LangJapanese: tc.ja} {
			if got := console.EventSummary(e, l); got != want {
				t.Errorf("%T in %s: got %q, want %q", tc.detail, l, got, want)
			}
		}
	}
}

// TestEventSummary_Words finds no name as it is in JSON in the summary of any event.
func TestEventSummary_Words(t *testing.T) {
	t.Parallel()
	for _, detail := range everyDetail() {
		fill(reflect.ValueOf(detail).Elem())
		raw, err := json.Marshal(detail)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []console.Lang{console.LangEnglish, console.LangJapanese} {
			text := console.EventSummary(hikyaku.Event{Type: detail.EventType(), Detail: raw}, l)
			if text == "" || strings.Contains(text, "_") {
				t.Errorf("%T in %s: %q", detail, l, text)
			}
		}
	}
	if got := console.EventSummary(hikyaku.Event{Type: "from_the_future", Detail: json.RawMessage(`{"reason":"because"}`)}, console.LangEnglish); got != "reason: because" {
		t.Errorf("unknown type: %q", got)
	}
}
