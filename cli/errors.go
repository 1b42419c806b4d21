package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// The exit codes; 1 and 2 and 4 to 9 are those of error kinds.
const (
	ExitOK          = 0
	ExitInternal    = 1
	ExitInvalid     = 2
	ExitSomeFailed  = 3
	ExitNotFound    = 4
	ExitConflict    = 5
	ExitBusy        = 6
	ExitTransient   = 7
	ExitDenied      = 8
	ExitCorrupt     = 9
	ExitTimeout     = 10
	ExitCancelled   = 11
	ExitInterrupted = 130
)

// ExitError ends with a code of its own. A nil Err is told to nobody: the
// output has said it.
type ExitError struct {
	Code int
	Err  error
}

// Error returns the cause.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// ExitCode returns the code that an error ends with.
func ExitCode(err error) int {
	var e *ExitError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	return kindExit(hikyaku.KindOf(err))
}

func kindExit(k hikyaku.Kind) int {
	switch k {
	case "":
		return ExitOK
	case hikyaku.KindInvalid:
		return ExitInvalid
	case hikyaku.KindNotFound:
		return ExitNotFound
	case hikyaku.KindConflict:
		return ExitConflict
	case hikyaku.KindBusy:
		return ExitBusy
	case hikyaku.KindTransient:
		return ExitTransient
	case hikyaku.KindDenied:
		return ExitDenied
	case hikyaku.KindCorrupt:
		return ExitCorrupt
	case hikyaku.KindInternal:
	}
	return ExitInternal
}

// outcomeExit is the code for one transfer that ended.
func outcomeExit(t hikyaku.Transfer) int {
	switch t.State {
	case hikyaku.Succeeded:
		return ExitOK
	case hikyaku.Cancelled:
		return ExitCancelled
	case hikyaku.Rejected:
		return ExitInvalid
	case hikyaku.Failed:
		if t.Failure != nil && t.Failure.Kind != "" {
			return kindExit(t.Failure.Kind)
		}
	case hikyaku.Queued, hikyaku.Starting, hikyaku.Running:
	}
	return ExitInternal
}

// outcomeExits is the code for several: one by its outcome, more by whether
// any failed.
func outcomeExits(ts []hikyaku.Transfer) int {
	if len(ts) == 1 {
		return outcomeExit(ts[0])
	}
	cancelled := false
	for _, t := range ts {
		switch t.State {
		case hikyaku.Succeeded:
		case hikyaku.Cancelled:
			cancelled = true
		case hikyaku.Queued, hikyaku.Starting, hikyaku.Running, hikyaku.Failed, hikyaku.Rejected:
			return ExitSomeFailed
		}
	}
	if cancelled {
		return ExitCancelled
	}
	return ExitOK
}

// exit makes an error that only sets the exit code; nil for 0.
func exit(code int) error {
	if code == ExitOK {
		return nil
	}
	return &ExitError{Code: code}
}

// PrintError tells an error: as {"error":{…}} or in words with the remedy.
func PrintError(w io.Writer, err error, asJSON bool, lang console.Lang) {
	var e *ExitError
	if errors.As(err, &e) && e.Err == nil {
		return
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	var b strings.Builder
	defer func() { _, _ = io.WriteString(w, b.String()) }() // who would be told?
	told := console.AsAPIError(err)
	if asJSON {
		raw, jsonErr := json.Marshal(console.ErrorBody{Error: told})
		if jsonErr == nil { // holds strings only
			b.Write(append(raw, '\n'))
		}
		return
	}
	remedy := console.Remedy(&hikyaku.Failure{Code: told.Code, Remedy: told.Remedy}, lang)
	code := ""
	if told.Code != "" {
		code = " [" + told.Code + "]"
	}
	fmt.Fprintf(&b, "%s %s%s\n", text(lang, "error_prefix"), console.FailureTitle(&hikyaku.Failure{Code: told.Code, Message: told.Message}, lang), code)
	if remedy != "" {
		fmt.Fprintf(&b, "%s %s\n", text(lang, "remedy_prefix"), remedy)
	}
}
