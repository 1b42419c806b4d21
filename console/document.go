package console

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Document is a transfer whose JSON is the one the API documents: started_at
// and ended_at are there always, null when they are not known, and lists are
// never null. Records are stored without them, so the two differ.
type Document struct{ hikyaku.Transfer }

// MarshalJSON writes the document.
func (d Document) MarshalJSON() ([]byte, error) { return encode(documentOf(d.Transfer)) }

// document shadows the fields of a transfer that are written differently.
type document struct {
	hikyaku.Transfer
	StartedAt *time.Time        `json:"started_at"`
	EndedAt   *time.Time        `json:"ended_at"`
	Attempts  []attemptDocument `json:"attempts"`
}

type attemptDocument struct {
	hikyaku.Attempt
	EndedAt *time.Time `json:"ended_at"`
}

func documentOf(t hikyaku.Transfer) document {
	d := document{
		Transfer: t, StartedAt: timeOf(t.StartedAt), EndedAt: timeOf(t.EndedAt),
		Attempts: make([]attemptDocument, len(t.Attempts)),
	}
	if d.AgentARNs == nil {
		d.AgentARNs = []string{}
	}
	for i, a := range t.Attempts {
		d.Attempts[i] = attemptDocument{Attempt: a, EndedAt: timeOf(a.EndedAt)}
	}
	return d
}

func documentsOf(ts []hikyaku.Transfer) []document {
	out := make([]document, len(ts))
	for i, t := range ts {
		out[i] = documentOf(t)
	}
	return out
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// MarshalJSON writes the transfers as documents.
func (l TransferList) MarshalJSON() ([]byte, error) {
	return encode(struct {
		Transfers []document `json:"transfers"`
		NextToken *string    `json:"next_token"`
	}{documentsOf(l.Transfers), l.NextToken})
}

// MarshalJSON writes the transfer as a document, with its events.
func (d TransferDetail) MarshalJSON() ([]byte, error) {
	told := d.CompletionEvents
	if told == nil {
		told = []CompletionEvent{}
	}
	return encode(struct {
		document
		Events           []hikyaku.Event   `json:"events"`
		CompletionEvents []CompletionEvent `json:"completion_events"`
	}{documentOf(d.Transfer), d.Events, told})
}

// MarshalJSON writes the transfers as documents.
func (r SendResult) MarshalJSON() ([]byte, error) {
	return encode(struct {
		Transfers []document  `json:"transfers"`
		Failed    []ItemError `json:"failed"`
	}{documentsOf(r.Transfers), r.Failed})
}

// MarshalJSON writes the transfers as documents.
func (l DeadLetterList) MarshalJSON() ([]byte, error) {
	return encode(struct {
		DeadLetters []document `json:"dead_letters"`
		NextToken   *string    `json:"next_token"`
	}{documentsOf(l.DeadLetters), l.NextToken})
}

// encode leaves it to the encoder outside to escape HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}
