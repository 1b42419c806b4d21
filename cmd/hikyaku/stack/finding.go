package stack

import (
	"errors"
	"fmt"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// Finding is the result of one check.
type Finding struct {
	Check string `json:"check"`
	// Status is ok, warn or fail.
	Status string `json:"status"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// The statuses.
const (
	statusOK   = "ok"
	statusWarn = "warn"
	statusFail = "fail"
)

// report collects findings in a language.
type report struct {
	lang     console.Lang
	findings []Finding
}

// t is a text in the person's language.
func (r *report) t(english, japanese string, args ...any) string {
	if r.lang == console.LangJapanese {
		english = japanese
	}
	return fmt.Sprintf(english, args...)
}

func (r *report) add(status, check, detail, remedy string) {
	r.findings = append(r.findings, Finding{check, status, detail, remedy})
}

func (r *report) ok(check, detail string) { r.add(statusOK, check, detail, "") }

// failed tells an error, with its catalogue entry's remedy if it has one and
// remedy otherwise. What could not be looked at for want of a permission is
// only a warning: the deployment may be well.
func (r *report) failed(check string, err error, remedy string) {
	status := statusFail
	if code := hikyaku.CodeOf(err); code != "" {
		if entry, known := hikyaku.Lookup(code); known {
			remedy = entry.Text(string(r.lang)).Remedy
		}
	}
	if hikyaku.CodeOf(err) == hikyaku.CodeCallDenied {
		status = statusWarn
		err = errors.New(r.t("not checked: %s", "確認できません: %s", err))
	}
	r.add(status, check, err.Error(), remedy)
}

// Failed is what doctor says when there is nothing else to say: the stack, or
// the way to it, cannot be used.
func Failed(check string, err error, lang console.Lang) []Finding {
	r := &report{lang: lang}
	r.failed(check, err, "")
	r.findings[0].Status = statusFail
	return r.findings
}
