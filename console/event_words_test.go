package console_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// TestEventDetail_NoRawNames fills every detail an event can have and looks for
// names as they are in JSON.
func TestEventDetail_NoRawNames(t *testing.T) {
	t.Parallel()
	for _, detail := range everyDetail() {
		v := reflect.ValueOf(detail).Elem()
		fill(v)
		raw, err := json.Marshal(detail)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []console.Lang{console.LangEnglish, console.LangJapanese} {
			for part := range strings.SplitSeq(console.DetailText(raw, l), " · ") {
				if name, _, _ := strings.Cut(strings.ReplaceAll(part, "：", ": "), ": "); name == "" || strings.ContainsAny(name, "_.") {
					t.Errorf("%s in %s: %q", v.Type().Name(), l, part)
				}
			}
		}
	}
	text := console.DetailText(json.RawMessage(`{"status":"TRANSFERRING","progress":{"bytes":{"transferred":3145728},"durations_ms":{"preparing":1500}},"task_arn":"arn:aws:datasync:x:1:task/task-1"}`), console.LangJapanese)
	if text != "転送済み：3.0 MiB · 準備：1.5秒 · DataSyncの状態：転送中 · タスク：task-1" {
		t.Errorf("got %q", text)
	}
}

// everyDetail is one of each kind that an event can have.
func everyDetail() []hikyaku.Detail {
	return []hikyaku.Detail{
		&hikyaku.AcceptedDetail{}, &hikyaku.LookedDetail{}, &hikyaku.WaitingDetail{}, &hikyaku.AssignedDetail{}, &hikyaku.StartedDetail{},
		&hikyaku.AttemptEndedDetail{}, &hikyaku.RerunDetail{}, &hikyaku.NotifiedDetail{}, &hikyaku.ResentDetail{}, &hikyaku.SucceededDetail{}, &hikyaku.FailedDetail{},
		&hikyaku.CancelledDetail{}, &hikyaku.RejectedDetail{}, &hikyaku.JoinedDetail{}, &hikyaku.DuplicateDetail{}, &hikyaku.AdoptedDetail{}, &hikyaku.PhaseDetail{},
		&hikyaku.StalledDetail{}, &hikyaku.CancelRequestedDetail{}, &hikyaku.DiscardedDetail{},
	}
}

// fill sets every field to something that is shown.
func fill(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // those that details have
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.Append(v, reflect.ValueOf("text").Convert(v.Type().Elem())))
		}
	}
}
