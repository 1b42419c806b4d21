package datasync

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	api "github.com/aws/aws-sdk-go-v2/service/datasync"

	"github.com/hikyaku/hikyaku"
)

// What follows is for calls that somebody else makes on the executor's behalf,
// with the API's own documents (AWS Step Functions' SDK integrations).

// Request is the StartTaskExecution that Start would send, as the API's JSON,
// without what is not set. Excludes is there always, empty or not.
func (e *Executor) Request(s hikyaku.Start) (json.RawMessage, error) {
	if s.Includes == "" {
		return nil, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "write start of task", Subject: s.TaskARN, Message: "no include filter"}
	}
	raw, err := json.Marshal(startInput(s, e.opts.Reports))
	if err != nil {
		return nil, fmt.Errorf("write start of task %s: %w", s.TaskARN, err)
	}
	var document map[string]any
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("write start of task %s: %w", s.TaskARN, err)
	}
	prune(document)
	if document["Excludes"] == nil {
		document["Excludes"] = []any{}
	}
	raw, err = json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("write start of task %s: %w", s.TaskARN, err)
	}
	return raw, nil
}

// prune removes what is not set: null, and the empty word that an enumeration
// has for its zero value.
func prune(document map[string]any) {
	maps.DeleteFunc(document, func(_ string, v any) bool {
		if nested, ok := v.(map[string]any); ok {
			prune(nested)
		}
		return v == nil || v == ""
	})
}

// Described reads the API's answer to a DescribeTaskExecution.
func Described(raw json.RawMessage) (hikyaku.Execution, error) {
	var out api.DescribeTaskExecutionOutput
	if err := json.Unmarshal(raw, &out); err != nil {
		return hikyaku.Execution{}, fmt.Errorf("read description of an execution: %w", err)
	}
	if out.TaskExecutionArn == nil || out.Status == "" {
		return hikyaku.Execution{}, errors.New("read description of an execution: it has no ARN or no status")
	}
	return execution(*out.TaskExecutionArn, &out), nil
}

// StartFailed is the error of a StartTaskExecution made by Step Functions, from
// the name and the cause that it gives: what Start would return. Whatever is
// not certainly a refusal is an *hikyaku.UnclearError.
func StartFailed(taskARN, name, cause string) error {
	err := errors.New(name + ": " + cause)
	status := statusIn(cause)
	if status < 400 || status >= 500 || status == 408 {
		return &hikyaku.UnclearError{Err: &hikyaku.Error{Kind: hikyaku.KindTransient, Op: "start execution of task", Subject: taskARN, Err: err}}
	}
	e := &hikyaku.Error{Kind: kindOfCode(strings.TrimPrefix(name, "DataSync.")), Op: "start execution of task", Subject: taskARN, Err: err}
	if e.Kind == "" { // errors the API does not model have one name
		e.Kind = hikyaku.KindInvalid
		switch text := strings.ToLower(cause); {
		case status == 429, strings.Contains(text, "rate exceeded"), strings.Contains(text, "throttl"):
			e.Kind = hikyaku.KindTransient
		case status == 401, status == 403, strings.Contains(text, "not authorized"), strings.Contains(text, "accessdenied"):
			e.Kind = hikyaku.KindDenied
		}
	}
	return e
}

// statusIn is the HTTP status that a cause names last, 0 for none: it ends with
// "(Service: DataSync, Status Code: 400, Request ID: …)".
func statusIn(cause string) int {
	const label, digits = "Status Code: ", 3
	i := strings.LastIndex(cause, label)
	if i < 0 {
		return 0
	}
	text, _, _ := strings.Cut(cause[i+len(label):], ",")
	n, err := strconv.Atoi(text)
	if err != nil || len(text) != digits {
		return 0
	}
	return n
}
