package sqs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/sqs"
)

// entries are the handles of a batch request, by entry ID.
func entries(t *testing.T, r *http.Request) map[string]string {
	t.Helper()
	var body struct {
		Entries []map[string]any `json:"Entries"` //nolint:tagliatelle // Amazon's name
	}
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	if err != nil {
		t.Errorf("read request: %v", err)
	}
	out := map[string]string{}
	for _, e := range body.Entries {
		out[fmt.Sprint(e["Id"])] = fmt.Sprint(e["ReceiptHandle"])
	}
	return out
}

// failing answers batch calls: handles of codes fail with that code, as the
// service's fault where the code says so, until they were asked for often enough.
func failing(t *testing.T, codes map[string]string, times int) (*sqs.Queue, func(handle string) int) {
	t.Helper()
	var mu sync.Mutex
	asked := map[string]int{}
	c := stub(t, func(_ string, w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		reply := map[string][]map[string]any{}
		for id, handle := range entries(t, r) {
			asked[handle]++
			code, fails := codes[handle]
			if fails && asked[handle] <= times {
				entry := map[string]any{"Id": id, "Code": code, "SenderFault": !strings.HasPrefix(code, "Internal")}
				reply["Failed"] = append(reply["Failed"], entry)
				continue
			}
			reply["Successful"] = append(reply["Successful"], map[string]any{"Id": id})
		}
		if err := json.NewEncoder(w).Encode(reply); err != nil {
			t.Errorf("reply: %v", err)
		}
	})
	q, err := sqs.Open(t.Context(), c, sqs.Options{URL: "http://x/0/orders"})
	if err != nil {
		t.Fatal(err)
	}
	return q, func(handle string) int { mu.Lock(); defer mu.Unlock(); return asked[handle] }
}

func handleList(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("h%d", i)
	}
	return out
}

func TestQueue_Delete_repeatsOnlyEntriesTheServiceFailed(t *testing.T) {
	t.Parallel()
	q, asked := failing(t, map[string]string{"h3": "InternalError", "h14": "InternalFailure"}, 2)
	if err := q.Delete(t.Context(), handleList(25)); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	for i, h := range handleList(25) {
		want := 1
		if i == 3 || i == 14 {
			want = 3
		}
		if got := asked(h); got != want {
			t.Errorf("%s was deleted %d times, want %d", h, got, want)
		}
	}
}

func TestQueue_Delete_reportsEveryEntryThatFailed(t *testing.T) {
	t.Parallel()
	q, asked := failing(t, map[string]string{"h1": "InternalError", "h2": "ReceiptHandleIsInvalid", "h12": "AccessDenied"}, 100)
	err := q.Delete(t.Context(), handleList(15))
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("Delete = %v, want joined errors", err)
	}
	for _, want := range []string{"InternalError", "ReceiptHandleIsInvalid", "AccessDenied"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("Delete = %v, want %s named once", err, want)
		}
	}
	if len(joined.Unwrap()) != 2 { // one per batch
		t.Errorf("Delete joined %d errors, want one per batch that failed", len(joined.Unwrap()))
	}
	if asked("h2") != 1 || asked("h1") != 3 || asked("h14") != 1 {
		t.Errorf("asked for h2 %d, h1 %d, h14 %d times; want 1, 3, 1", asked("h2"), asked("h1"), asked("h14"))
	}
}

func TestQueue_Release_ignoresWhatIsNotInFlight(t *testing.T) {
	t.Parallel()
	q, _ := failing(t, map[string]string{
		"h0": "MessageNotInflight", "h1": "AWS.SimpleQueueService.MessageNotInflight",
	}, 100)
	if err := q.Release(t.Context(), handleList(3), 0); err != nil {
		t.Errorf("Release: %v", err)
	}
}

func TestQueue_kindsByCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]hikyaku.Kind{
		"RequestThrottled":      hikyaku.KindTransient,
		"ThrottlingException":   hikyaku.KindTransient,
		"OverLimit":             hikyaku.KindTransient,
		"AccessDeniedException": hikyaku.KindDenied,
		"InvalidClientTokenId":  hikyaku.KindDenied,
		"ExpiredToken":          hikyaku.KindDenied,
		"QueueDoesNotExist":     hikyaku.KindNotFound,
		"InvalidAttributeValue": hikyaku.KindInvalid,
		"SomethingNew":          hikyaku.KindInvalid, // by its status
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			c := stub(t, func(_ string, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":"no"}`, code)
			})
			q, err := sqs.Open(t.Context(), c, sqs.Options{URL: "http://x/0/orders"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = q.Send(t.Context(), hikyaku.OutMessage{Body: "A-1"})
			if got := hikyaku.KindOf(err); got != want {
				t.Errorf("kind = %s (%v), want %s", got, err, want)
			}
		})
	}
}
