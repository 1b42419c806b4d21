package lambdatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxPayload is Lambda's limit of a request and a response.
const maxPayload = 6 << 20

// environment is one process and the Runtime API it talks to.
type environment struct {
	function *Function
	opts     Options // when it was made
	deployed int     // of the function, then
	server   *http.Server
	listener net.Listener
	command  *exec.Cmd

	next   chan *invocation
	ready  chan struct{} // closed when the process first asks for work
	once   sync.Once     // closes ready
	exited chan struct{} // closed when the process has ended
	exit   error         // why; to be read after exited

	mu      sync.Mutex // guards current
	current *invocation
	stopped sync.Once
}

// invocation is one event on its way through an environment.
type invocation struct {
	id                     string
	payload, clientContext []byte
	deadline               time.Time
	done                   chan outcome // takes one
}

type outcome struct {
	payload                 []byte
	errorType, errorMessage string
}

// newEnvironment is called with f.mu held.
func newEnvironment(ctx context.Context, f *Function) (*environment, error) {
	l, err := (&net.ListenConfig{}).Listen(context.WithoutCancel(ctx), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime api: %w", err)
	}
	e := &environment{
		function: f, opts: f.opts, deployed: f.deployed, listener: l, next: make(chan *invocation), ready: make(chan struct{}), exited: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", e.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", e.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", e.serveError)
	e.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return e, nil
}

// start starts serving and the process.
func (e *environment) start() error {
	go func() { // ends with stop
		if err := e.server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
			_, _ = fmt.Fprintln(e.function, "runtime api:", err) // a buffer
		}
	}()
	o := e.opts
	e.command = exec.Command(o.Binary) //nolint:gosec,noctx // the binary under test; stop ends it
	e.command.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + e.listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + o.Name, "AWS_LAMBDA_LOG_STREAM_NAME=test", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region, "LAMBDA_TASK_ROOT=/var/task", "TZ=:UTC",
	}, o.Env...)
	e.command.Stdout, e.command.Stderr = e.function, e.function
	if err := e.command.Start(); err != nil {
		e.exit = err
		close(e.exited)
		return fmt.Errorf("start %s: %w", o.Binary, err)
	}
	go func() { // ends with the process
		err := e.command.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		e.exit = err
		close(e.exited)
	}()
	return nil
}

// stop kills the process and waits for its end.
func (e *environment) stop() {
	e.stopped.Do(func() {
		if e.command != nil && e.command.Process != nil {
			_ = e.command.Process.Kill() // it may have ended
			<-e.exited
		}
		_ = e.server.Close()   // whatever is open ends
		_ = e.listener.Close() // also when it was never served
	})
}

func (e *environment) ended() bool {
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
}

// hand gives the process an invocation; false when there is nobody to take it.
func (e *environment) hand(ctx context.Context, i *invocation) bool {
	select {
	case e.next <- i:
		return true
	case <-e.exited:
	case <-ctx.Done():
	}
	return false
}

func (e *environment) serveNext(w http.ResponseWriter, r *http.Request) {
	e.once.Do(func() { close(e.ready) })
	var i *invocation
	select {
	case i = <-e.next:
	case <-r.Context().Done():
		return
	}
	e.mu.Lock()
	e.current = i
	e.mu.Unlock()
	h := w.Header()
	h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":"+account+":function:"+e.opts.Name)
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
	if i.clientContext != nil {
		h.Set("Lambda-Runtime-Client-Context", string(i.clientContext))
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(i.payload) // a process that is gone shows as its exit
}

// finish delivers an outcome to the invocation it is for.
func (e *environment) finish(w http.ResponseWriter, id string, o outcome) {
	e.mu.Lock()
	i := e.current
	if i != nil && i.id == id {
		e.current = nil
	}
	e.mu.Unlock()
	if i == nil || i.id != id {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	i.done <- o
}

func (e *environment) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		return // the process ended in the middle
	}
	if len(body) > maxPayload {
		e.finish(w, r.PathValue("id"), outcome{errorType: "Function.ResponseSizeTooLarge", errorMessage: "the response exceeds 6 MB"})
		return
	}
	e.finish(w, r.PathValue("id"), outcome{payload: body})
}

func (e *environment) serveError(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxPayload)).Decode(&body); err != nil {
		body.ErrorType, body.ErrorMessage = "Runtime.InvalidError", err.Error()
	}
	if body.ErrorType == "" {
		body.ErrorType = "error"
	}
	id := r.PathValue("id")
	if id == "" { // of init: the process ends next
		w.WriteHeader(http.StatusAccepted)
		return
	}
	e.finish(w, id, outcome{errorType: body.ErrorType, errorMessage: body.ErrorMessage})
}

// peakRSS asks /proc for the process's high-water mark.
func (e *environment) peakRSS() int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(e.command.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "VmHWM:" {
			kb, _ := strconv.ParseInt(fields[1], 10, 64) // 0 is "unknown"
			return kb << 10
		}
	}
	return 0
}
