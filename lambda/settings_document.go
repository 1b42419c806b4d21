package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Document is a route's changeable part: the JSON document in the stack's SSM
// parameter, which is the truth about it. Absent members have their defaults;
// unknown ones are refused. The parameter may be edited by hand: what it says
// holds within a few seconds of the next invocation.
type Document struct {
	// SchemaVersion is 1; 0 is taken for it.
	SchemaVersion int `json:"schema_version"`
	// Paused routes start nothing; PausedReason is shown to people.
	Paused       bool   `json:"paused"`
	PausedReason string `json:"paused_reason,omitempty"`
	// BytesPerSecond is each execution's bandwidth; absent or -1 is unlimited.
	BytesPerSecond *int64 `json:"bytes_per_second,omitempty"`
	// MaxAttempts is how often a transfer is tried; 0 is the default, 3.
	MaxAttempts int           `json:"max_attempts,omitempty"`
	Ready       DocumentReady `json:"ready,omitzero"`
	Retry       DocumentRetry `json:"retry,omitzero"`
	// LaunchTimeout and StallTimeout are the watchdogs'; 0 is their default.
	LaunchTimeout Duration `json:"launch_timeout,omitzero"`
	StallTimeout  Duration `json:"stall_timeout,omitzero"`
	// UpdatedAt and By say who changed it last through a command.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	By        string    `json:"by,omitempty"`
}

// DocumentReady is the rule for when an ID's files are complete; see hikyaku.Ready.
type DocumentReady struct {
	Quiet  Duration `json:"quiet,omitzero"`
	Marker string   `json:"marker,omitempty"`
}

// DocumentRetry is the back-off; see hikyaku.Retry.
type DocumentRetry struct {
	First Duration `json:"first,omitzero"`
	Max   Duration `json:"max,omitzero"`
}

// Duration is written as Go writes it: "90s", "1h30m".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("duration %q: use a number with a unit, such as 90s", text)
	}
	*d = Duration(v)
	return nil
}

// ParseDocument reads a document and checks that base with it can work. The
// error is an *hikyaku.Error with CodeSettingsInvalid.
func ParseDocument(text string, base hikyaku.Route) (Document, error) {
	var d Document
	refuse := func(err error) (Document, error) {
		e := hikyaku.NewError(hikyaku.CodeSettingsInvalid, "read settings of route", base.Name, "")
		e.Err = err
		return Document{}, e
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return refuse(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return refuse(errors.New("something follows the document"))
	}
	switch {
	case d.SchemaVersion != 0 && d.SchemaVersion != 1:
		return refuse(fmt.Errorf("schema_version %d is not known", d.SchemaVersion))
	case d.BytesPerSecond != nil && (*d.BytesPerSecond < -1 || *d.BytesPerSecond == 0):
		return refuse(fmt.Errorf("bytes_per_second %d: use -1 for unlimited or a positive number", *d.BytesPerSecond))
	}
	if err := d.Overlay(base).Validate(); err != nil {
		return refuse(err)
	}
	return d, nil
}

// Overlay lays the document over a route. Pause and bandwidth are not in it:
// they are the ledger's RouteSettings.
func (d Document) Overlay(r hikyaku.Route) hikyaku.Route {
	r.MaxAttempts = d.MaxAttempts
	r.Ready = hikyaku.Ready{Quiet: time.Duration(d.Ready.Quiet), Marker: d.Ready.Marker}
	r.Retry = hikyaku.Retry{First: time.Duration(d.Retry.First), Max: time.Duration(d.Retry.Max)}
	r.LaunchTimeout, r.StallTimeout = time.Duration(d.LaunchTimeout), time.Duration(d.StallTimeout)
	return r
}

// bandwidth is the document's, -1 for unlimited.
func (d Document) bandwidth() int64 {
	if d.BytesPerSecond == nil {
		return -1
	}
	return *d.BytesPerSecond
}

// in reports whether the ledger says the same of pause and bandwidth.
func (d Document) in(s hikyaku.RouteSettings) bool {
	return d.Paused == s.Paused && (!d.Paused || d.PausedReason == s.PausedReason) && d.sameBandwidth(s)
}

func (d Document) sameBandwidth(s hikyaku.RouteSettings) bool {
	have := int64(-1)
	if s.BytesPerSecond != nil {
		have = *s.BytesPerSecond
	}
	return have == d.bandwidth()
}
