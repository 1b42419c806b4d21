package dynamo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku/dynamo"
)

// FuzzCodec holds what is stored against what is read, and what is read against garbage.
func FuzzCodec(f *testing.F) {
	for _, s := range []string{
		"", "A", "~1", "^", `"~2"`, `"2026-01-02T03:04:05Z"`, "2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05+09:00",
		"2", "2026-01-02T03:04:05.120Z", "1999-01-02T03:04:05Z", "2026-02-30T03:04:05Z", "9999-12-31T23:59:59Z", "\x00", "注文",
	} {
		f.Add(s, int64(1), int64(999))
	}
	f.Fuzz(func(t *testing.T, s string, seconds, nanos int64) {
		want := map[string]any{"a": s, "at": time.Unix(seconds%(1<<34), nanos%1e9).UTC(), s: []string{s, s}}
		raw, err := json.Marshal(want)
		if err != nil {
			t.Skip() // no time of JSON
		}
		if packed, ok := dynamo.PackTimes(raw); ok {
			if diff := cmp.Diff(string(raw), string(dynamo.UnpackTimes(packed))); diff != "" {
				t.Fatalf("unpacked times (-want +got):\n%s", diff)
			}
		}
		stored, err := dynamo.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted any
		if err := dynamo.Decode(stored, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Fatalf("decoded (-want +got):\n%s", diff)
		}
		_ = dynamo.Decode([]byte(s), &got)            // garbage: it must only not panic
		_ = dynamo.Decode(append(stored, s...), &got) // so must what follows a record
	})
}
