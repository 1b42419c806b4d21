package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
)

// faults stands between the functions and the parts of AWS around them, and
// breaks what it is told to break.
type faults struct {
	// next is DataSync.
	next http.Handler
	// kill ends the function with that access key, in the middle of its call.
	kill func(accessKey string)

	mu    sync.Mutex // guards what follows
	armed map[scenariotest.Fault]*fault
}

type fault struct {
	left int64
	done chan struct{} // closed when none is left
	// forever faults end when they are mended.
	forever bool
}

// arm makes a fault happen n times from now on; 0 is until it is mended.
func (f *faults) arm(name scenariotest.Fault, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.armed == nil {
		f.armed = map[scenariotest.Fault]*fault{}
	}
	f.armed[name] = &fault{left: n, done: make(chan struct{}), forever: n == 0}
}

// hits reports whether the fault happens now, n times at once.
func (f *faults) hits(name scenariotest.Fault, n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.armed[name]
	if x == nil || !x.forever && x.left <= 0 {
		return false
	}
	if !x.forever {
		if x.left -= int64(n); x.left <= 0 {
			close(x.done)
		}
	}
	return true
}

// mend waits until the fault has happened as often as it was armed for, and
// ends it.
func (f *faults) mend(ctx context.Context, name scenariotest.Fault) error {
	f.mu.Lock()
	x := f.armed[name]
	f.mu.Unlock()
	if !x.forever {
		select {
		case <-x.done:
		case <-ctx.Done():
			f.mu.Lock()
			defer f.mu.Unlock()
			return fmt.Errorf("%s has still to happen %d times: %w", name, x.left, context.Cause(ctx))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.armed, name)
	return nil
}

// ServeHTTP is DataSync, broken as armed.
func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	key := accessKey(r)
	ours := strings.HasPrefix(key, keyPrefix)
	switch {
	case !ours: // the test itself
		f.next.ServeHTTP(w, r)
	case f.hits(scenariotest.Throttle, 1):
		body := `{"__type":"ThrottlingException","message":"Rate exceeded"}`
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(body)) // whoever asked may be gone
	case operation == "StartTaskExecution" && f.hits(scenariotest.KillBeforeStart, 1):
		f.kill(key)
		panic(http.ErrAbortHandler)
	case operation == "StartTaskExecution" && f.hits(scenariotest.KillAfterStart, 1):
		f.record(r)
		f.kill(key)
		panic(http.ErrAbortHandler)
	case operation == "StartTaskExecution" && f.hits(scenariotest.LoseAnswers, 1):
		f.record(r)
		panic(http.ErrAbortHandler)
	case (operation == "ListAgents" || operation == "DescribeAgent") && f.hits(scenariotest.AgentsOffline, 1):
		f.offline(w, r)
	default:
		f.next.ServeHTTP(w, r)
	}
}

// keyPrefix begins the access key of each function; its name follows.
const keyPrefix = "AKFN"

func keyOf(function string) string { return keyPrefix + strings.ToUpper(function) }

// accessKey is who signed a request.
func accessKey(r *http.Request) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(credential, "/")
	return key
}

// record carries a request out whatever becomes of the caller.
func (f *faults) record(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.next.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
	return w
}

// offline answers as if no agent could be reached.
func (f *faults) offline(w http.ResponseWriter, r *http.Request) {
	answer := f.record(r)
	var body map[string]any
	if answer.Code != http.StatusOK || json.NewDecoder(bytes.NewReader(answer.Body.Bytes())).Decode(&body) != nil {
		http.Error(w, answer.Body.String(), answer.Code)
		return
	}
	agents, _ := body["Agents"].([]any)
	for _, agent := range append(agents, body) {
		if a, ok := agent.(map[string]any); ok && a["Status"] != nil {
			a["Status"] = "OFFLINE"
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(body) // whoever asked may be gone
}
