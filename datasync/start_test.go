package datasync_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

// front puts a handler of starts in front of the server and counts them;
// everything else passes through.
func (s *server) front(t *testing.T, start http.HandlerFunc) (url string, starts *atomic.Int64) {
	t.Helper()
	starts = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") == "FmrsService.StartTaskExecution" {
			starts.Add(1)
			start(w, r)
			return
		}
		s.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, starts
}

// act lets the server do what was asked and keeps the answer back.
func (s *server) act(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	reply := httptest.NewRecorder()
	s.handler.ServeHTTP(reply, r)
	if reply.Code != http.StatusOK {
		t.Errorf("the server refused: %d %s", reply.Code, reply.Body)
	}
	return reply
}

// drop closes the caller's connection.
func drop(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		t.Error("cannot hijack")
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		t.Errorf("hijack: %v", err)
		return
	}
	if err := conn.Close(); err != nil {
		t.Errorf("drop connection: %v", err)
	}
}

// TestExecutor_Start_unclear lets the server act and lose its answer in every
// way there is: the caller must hear that it is unclear, the start must have
// been sent once, and Current must show the execution by its tags.
func TestExecutor_Start_unclear(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(t *testing.T, s *server, w http.ResponseWriter, r *http.Request){
		"connection dropped": func(t *testing.T, s *server, w http.ResponseWriter, r *http.Request) {
			t.Helper()
			s.act(t, r)
			drop(t, w)
		},
		"answer cut off": func(t *testing.T, s *server, w http.ResponseWriter, r *http.Request) {
			t.Helper()
			body := s.act(t, r).Body.Bytes()
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			_, _ = w.Write(body[:len(body)/2])
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("flush: %v", err)
			}
			drop(t, w)
		},
		"answer is not JSON": func(t *testing.T, s *server, w http.ResponseWriter, r *http.Request) {
			t.Helper()
			s.act(t, r)
			_, _ = io.WriteString(w, "<html>captive portal</html>")
		},
		"answer names nothing": func(t *testing.T, s *server, w http.ResponseWriter, r *http.Request) {
			t.Helper()
			s.act(t, r)
			_, _ = io.WriteString(w, "{}")
		},
		"InternalException": func(t *testing.T, s *server, w http.ResponseWriter, r *http.Request) {
			t.Helper()
			s.act(t, r)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"__type":"InternalException","message":"oops"}`)
		},
		"bad gateway": func(t *testing.T, s *server, w http.ResponseWriter, r *http.Request) {
			t.Helper()
			s.act(t, r)
			w.WriteHeader(http.StatusBadGateway)
		},
		"no answer in time": func(t *testing.T, s *server, _ http.ResponseWriter, r *http.Request) {
			t.Helper()
			s.act(t, r)
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := own(t)
			task := s.task(t)
			url, starts := s.front(t, func(w http.ResponseWriter, r *http.Request) { answer(t, s, w, r) })
			o := datasync.Options{}
			if name == "no answer in time" {
				o.Timeout = 200 * time.Millisecond
			}
			in := startOf(task)
			arn, err := datasync.New(client(url, "AKADMIN"), o).Start(t.Context(), in)
			if arn != "" || !isUnclear(err) {
				t.Fatalf("Start = %q, %v; want it unclear", arn, err)
			}
			if got := starts.Load(); got != 1 {
				t.Errorf("the start was sent %d times, want once", got)
			}
			x, ok, err := datasync.New(s.client, datasync.Options{}).Current(t.Context(), task)
			if err != nil || !ok || x.Tags[hikyaku.TagTransfer] != in.Tags[hikyaku.TagTransfer] {
				t.Errorf("Current = %+v, %v, %v; want the execution that was started", x, ok, err)
			}
		})
	}
}

// TestExecutor_Start_clear is about failures after which nothing can have started.
func TestExecutor_Start_clear(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]hikyaku.Kind{
		"ThrottlingException":         hikyaku.KindTransient,
		"RequestLimitExceeded":        hikyaku.KindTransient,
		"AccessDeniedException":       hikyaku.KindDenied,
		"ExpiredTokenException":       hikyaku.KindDenied,
		"UnrecognizedClientException": hikyaku.KindDenied,
		"ValidationException":         hikyaku.KindInvalid,
		"SomethingNew":                hikyaku.KindInvalid, // by its status
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := own(t)
			task := s.task(t)
			url, starts := s.front(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, code)
			})
			_, err := datasync.New(client(url, "AKADMIN"), datasync.Options{}).Start(t.Context(), startOf(task))
			wantClear(t, err, want, task)
			if got := starts.Load(); got != 1 {
				t.Errorf("the start was sent %d times, want once", got)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		_, err := datasync.New(client("http://"+mototest.FreeAddress(t), "AK"), datasync.Options{}).Start(t.Context(), startOf(noTask))
		wantClear(t, err, hikyaku.KindTransient, noTask)
	})
	t.Run("no such host", func(t *testing.T) {
		t.Parallel()
		_, err := datasync.New(client("http://nowhere.invalid", "AK"), datasync.Options{}).Start(t.Context(), startOf(noTask))
		wantClear(t, err, hikyaku.KindTransient, noTask)
	})
}

// TestExecutor_Start_silentListener: a connection was made, so it is unclear
// although nobody ever answered.
func TestExecutor_Start_silentListener(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // nothing was to be kept
	e := datasync.New(client("http://"+l.Addr().String(), "AK"), datasync.Options{Timeout: 200 * time.Millisecond})
	_, err = e.Start(t.Context(), startOf(noTask))
	if !isUnclear(err) || hikyaku.KindOf(err) != hikyaku.KindTransient {
		t.Errorf("Start = %v, want it unclear and transient", err)
	}
}

// TestExecutor_reads_areRetried: an answer lost on the way is asked for again.
func TestExecutor_reads_areRetried(t *testing.T) {
	t.Parallel()
	s := own(t)
	arn, err := datasync.New(s.client, datasync.Options{}).Start(t.Context(), startOf(s.task(t)))
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"__type":"InternalException","message":"oops"}`)
			return
		}
		s.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	x, err := datasync.New(client(server.URL, "AKADMIN"), datasync.Options{}).Describe(t.Context(), arn)
	if err != nil || x.ARN != arn {
		t.Errorf("Describe = %+v, %v", x, err)
	}
	if got := asked.Load(); got != 2 {
		t.Errorf("asked %d times, want twice", got)
	}
	s.ends <- end{result: engine.Result{}}
}

func wantClear(t *testing.T, err error, kind hikyaku.Kind, subject string) {
	t.Helper()
	if isUnclear(err) {
		t.Errorf("got %v, want it clear that nothing started", err)
	}
	wantKind(t, err, kind, subject)
}
