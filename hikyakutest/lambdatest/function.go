package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Options say what a function is. Binary is required.
type Options struct {
	Binary string
	// Env is the function's environment, beside what Lambda sets; the
	// environment of the test is not passed on.
	Env []string
	// Name of the function; empty is "function".
	Name string
	// Timeout of an invocation; 0 is 30 s. InitTimeout of a start; 0 is 10 s.
	Timeout, InitTimeout time.Duration
}

const (
	defaultTimeout = 30 * time.Second
	initTimeout    = 10 * time.Second
	account        = "123456789012"
	region         = "eu-west-1"
)

// Function is a Lambda function: as many environments as invocations run at
// once, each a process that takes one invocation at a time and is used again.
// Its methods may be called concurrently.
type Function struct {
	opts Options

	mu     sync.Mutex // guards what follows
	idle   []*environment
	all    map[*environment]struct{}
	closed bool
	starts int
	serial int
	// deployed is how often the environment variables were replaced.
	deployed int
	log      bytes.Buffer
}

// New returns a function without environments; Close ends those it gets.
func New(o Options) *Function {
	if o.Name == "" {
		o.Name = "function"
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.InitTimeout <= 0 {
		o.InitTimeout = initTimeout
	}
	return &Function{opts: o, all: map[*environment]struct{}{}}
}

// Result is what came of an invocation.
type Result struct {
	// Payload is the response; nil after an error.
	Payload []byte
	// ErrorType and ErrorMessage are the function's, or Lambda's for a
	// function that timed out ("Sandbox.Timedout") or whose process ended
	// ("Runtime.ExitError"). Empty for a response.
	ErrorType, ErrorMessage string
	RequestID               string
	// Cold invocations started an environment, in Init.
	Cold           bool
	Init, Duration time.Duration
	// PeakRSS is the process's largest resident set in bytes; 0 where /proc
	// does not tell.
	PeakRSS int64
}

// Err is the function's error, if there was one.
func (r Result) Err() error {
	if r.ErrorType == "" {
		return nil
	}
	return fmt.Errorf("%s: %s", r.ErrorType, r.ErrorMessage)
}

// ErrClosed is returned by Invoke after Close.
var ErrClosed = errors.New("function is closed")

// Invoke runs the function once and returns what came of it; the error is for
// what Lambda itself could not do. When ctx ends the environment is killed.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	return f.InvokeWith(ctx, payload, nil)
}

// InvokeWith invokes with a client context, a JSON document.
func (f *Function) InvokeWith(ctx context.Context, payload, clientContext []byte) (Result, error) {
	for {
		e, cold, err := f.take(ctx)
		if err != nil {
			return Result{}, err
		}
		r := Result{Cold: cold}
		if cold {
			failed, err := f.start(ctx, e, &r)
			if failed || err != nil {
				f.drop(e)
				return r, err
			}
		}
		f.mu.Lock()
		f.serial++
		r.RequestID = fmt.Sprintf("00000000-0000-4000-8000-%012d", f.serial)
		f.mu.Unlock()
		began := time.Now()
		i := &invocation{
			id: r.RequestID, payload: payload, clientContext: clientContext, deadline: began.Add(f.opts.Timeout), done: make(chan outcome, 1),
		}
		if !e.hand(ctx, i) {
			f.drop(e)
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			continue // it ended since its last invocation: another takes this one
		}
		f.wait(ctx, e, i, &r)
		r.Duration = time.Since(began)
		return r, ctx.Err()
	}
}

// start waits until an environment asks for work; failed when it never will.
func (f *Function) start(ctx context.Context, e *environment, r *Result) (failed bool, err error) {
	began := time.Now()
	if err := e.start(); err != nil {
		return true, err
	}
	timer := time.NewTimer(f.opts.InitTimeout)
	defer timer.Stop()
	select {
	case <-e.ready:
		r.Init = time.Since(began)
		return false, nil
	case <-e.exited:
		r.ErrorType, r.ErrorMessage = "Runtime.ExitError", "the process ended before it asked for work: "+e.exit.Error()
		return true, nil
	case <-timer.C:
		r.ErrorType, r.ErrorMessage = "Sandbox.Timedout", "the process did not ask for work in time"
		return true, nil
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

// wait waits for an invocation's end, and kills the environment when its time
// is up.
func (f *Function) wait(ctx context.Context, e *environment, i *invocation, r *Result) {
	timer := time.NewTimer(time.Until(i.deadline))
	defer timer.Stop()
	select {
	case o := <-i.done:
		r.Payload, r.ErrorType, r.ErrorMessage = o.payload, o.errorType, o.errorMessage
		r.PeakRSS = e.peakRSS()
		f.giveBack(e)
		return
	case <-e.exited:
		select {
		case o := <-i.done: // it answered and then ended
			r.Payload, r.ErrorType, r.ErrorMessage = o.payload, o.errorType, o.errorMessage
		default:
			r.ErrorType, r.ErrorMessage = "Runtime.ExitError", e.exit.Error()
		}
	case <-timer.C:
		r.ErrorType, r.ErrorMessage = "Sandbox.Timedout", fmt.Sprintf("Task timed out after %s", f.opts.Timeout)
	case <-ctx.Done():
		r.ErrorType, r.ErrorMessage = "Sandbox.Killed", ctx.Err().Error()
	}
	f.drop(e)
}

// take returns an idle environment or a new one.
func (f *Function) take(ctx context.Context) (e *environment, cold bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, ErrClosed
	}
	for len(f.idle) > 0 {
		e = f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if !e.ended() {
			return e, false, nil
		}
		delete(f.all, e)
		e.stop()
	}
	e, err = newEnvironment(ctx, f)
	if err != nil {
		return nil, false, err
	}
	f.all[e] = struct{}{}
	f.starts++
	return e, true, nil
}

func (f *Function) giveBack(e *environment) {
	f.mu.Lock()
	current := e.deployed == f.deployed
	if !f.closed && current {
		f.idle = append(f.idle, e)
	}
	f.mu.Unlock()
	if !current {
		f.drop(e)
	}
}

func (f *Function) drop(e *environment) {
	e.stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, e)
}

// SetEnv replaces the function's environment, as a deployment does: invocations
// that run go on with the old one, those that begin get the new one.
func (f *Function) SetEnv(env []string) {
	f.mu.Lock()
	idle := f.idle
	f.opts.Env, f.idle = env, nil
	f.deployed++
	for _, e := range idle {
		delete(f.all, e)
	}
	f.mu.Unlock()
	for _, e := range idle {
		e.stop()
	}
}

// Kill ends every environment at once, in the middle of what it does.
func (f *Function) Kill() {
	f.mu.Lock()
	all := f.all
	f.all, f.idle = map[*environment]struct{}{}, nil
	f.mu.Unlock()
	for e := range all {
		e.stop()
	}
}

// Close ends every environment and refuses further invocations.
func (f *Function) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.Kill()
}

// Starts is how many environments there have been.
func (f *Function) Starts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

// Write takes what a process writes.
func (f *Function) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(p)
}

// Log is everything that was written so far.
func (f *Function) Log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.String()
}

// Lines decodes the lines of the log that are JSON objects.
func (f *Function) Lines() []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(f.Log()) {
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) == nil { // others are not the function's
			all = append(all, m)
		}
	}
	return all
}
