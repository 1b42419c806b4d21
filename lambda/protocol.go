package lambda

import (
	"errors"
	"time"

	"github.com/hikyaku/hikyaku"
)

// ProtocolVersion is the version of Request and Reply. Members are added,
// never renamed; readers ignore what they do not know.
const ProtocolVersion = 1

// Op names an operator's command.
type Op string

// The commands, and which members of Request they read beside By and Reason.
const (
	OpSend    Op = "send"    // Send
	OpRerun   Op = "rerun"   // TransferID, Force
	OpCancel  Op = "cancel"  // TransferID
	OpRedrive Op = "redrive" // TransferIDs, or All
	OpDiscard Op = "discard" // TransferID
	OpResend  Op = "resend"  // TransferID, Resend
	OpPause   Op = "pause"   // Route
	OpResume  Op = "resume"  // Route
	OpLimit   Op = "limit"   // Route, BytesPerSecond
	OpBench   Op = "bench"   // TaskARN
	OpUnbench Op = "unbench" // TaskARN
	OpRoutes  Op = "routes"  // nothing: lists the routes as they are now
)

// Request is one command to the function operate. An absent route is the
// stack's.
type Request struct {
	// Version is the protocol's; 0 is taken for 1.
	Version int `json:"version,omitempty"`
	Op      Op  `json:"op"`
	// By is who gives the command, as it goes into the event log. It is the
	// caller's word; whoever may invoke the function may say anything, and
	// CloudTrail knows better. Empty: the name in the client context
	// ("hikyaku-by" of its custom part), else "operator".
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Origin is what the caller is, "cli" say, for the audit log: its word too.
	Origin string `json:"origin,omitempty"`

	Send       *hikyaku.Send `json:"send,omitempty"`
	TransferID string        `json:"transfer_id,omitempty"`
	// Resend is which completion event is sent again; absent: the last one, to
	// every target.
	Resend *hikyaku.Resend `json:"resend,omitempty"`
	Force  bool            `json:"force,omitempty"`
	// TransferIDs are those of dead letters to redrive; All is every one, and
	// empties the dead-letter queue as well.
	TransferIDs []string `json:"transfer_ids,omitempty"`
	All         bool     `json:"all,omitempty"`
	Route       string   `json:"route,omitempty"`
	// BytesPerSecond is the bandwidth of each execution; -1 is unlimited.
	BytesPerSecond int64  `json:"bytes_per_second,omitempty"`
	TaskARN        string `json:"task_arn,omitempty"`
}

// Reply is what came of a Request: a result, an error, or, where a command did
// part of its work, both.
type Reply struct {
	Version int     `json:"version"`
	Result  *Result `json:"result,omitempty"`
	Error   *Fault  `json:"error,omitempty"`
}

// Result has what the command is about; for bench, unbench and discard it is
// empty.
type Result struct {
	Transfer *hikyaku.Transfer      `json:"transfer,omitempty"` // send, rerun, cancel, resend
	Settings *hikyaku.RouteSettings `json:"settings,omitempty"` // pause, resume, limit
	Redriven int                    `json:"redriven,omitempty"` // redrive: how many went round again
	Routes   []RouteInfo            `json:"routes,omitempty"`   // routes
}

// Fault is an error as it travels.
type Fault struct {
	Code    string       `json:"code,omitempty"` // of the catalogue; empty for what is only refused
	Kind    hikyaku.Kind `json:"kind"`
	Message string       `json:"message"`
	Remedy  string       `json:"remedy,omitempty"`
}

// RouteInfo is a route as it travels. Its durations are milliseconds.
type RouteInfo struct {
	Name           string `json:"name"`
	Queue          string `json:"queue"`
	Source         string `json:"source"`
	Destination    string `json:"destination"`
	Include        string `json:"include"`
	KeyPattern     string `json:"key_pattern,omitempty"`
	IDPattern      string `json:"id_pattern,omitempty"`
	ReadyQuiet     int64  `json:"ready_quiet_ms,omitempty"`
	ReadyMarker    string `json:"ready_marker,omitempty"`
	VerifyMode     string `json:"verify"`
	TransferMode   string `json:"transfer_mode"`
	BytesPerSecond int64  `json:"bytes_per_second"`
	MaxAttempts    int    `json:"max_attempts"`
	RetryFirst     int64  `json:"retry_first_ms"`
	RetryMax       int64  `json:"retry_max_ms"`
	AllowEmpty     bool   `json:"allow_empty"`
	LaunchTimeout  int64  `json:"launch_timeout_ms"`
	StallTimeout   int64  `json:"stall_timeout_ms"`
}

func routeInfo(r hikyaku.Route) RouteInfo {
	return RouteInfo{
		Name: r.Name, Queue: r.Queue, Source: r.Source, Destination: r.Destination, Include: r.Include,
		KeyPattern: r.KeyPattern, IDPattern: r.IDPattern, ReadyQuiet: r.Ready.Quiet.Milliseconds(), ReadyMarker: r.Ready.Marker,
		VerifyMode: r.VerifyMode, TransferMode: r.TransferMode, BytesPerSecond: r.BytesPerSecond, MaxAttempts: r.MaxAttempts,
		RetryFirst: r.Retry.First.Milliseconds(), RetryMax: r.Retry.Max.Milliseconds(), AllowEmpty: r.AllowEmpty,
		LaunchTimeout: r.LaunchTimeout.Milliseconds(), StallTimeout: r.StallTimeout.Milliseconds(),
	}
}

// Route is the route in hikyaku's words.
func (i RouteInfo) Route() hikyaku.Route {
	return hikyaku.Route{
		Name: i.Name, Queue: i.Queue, Source: i.Source, Destination: i.Destination, Include: i.Include,
		KeyPattern: i.KeyPattern, IDPattern: i.IDPattern, Ready: hikyaku.Ready{Quiet: millis(i.ReadyQuiet), Marker: i.ReadyMarker},
		VerifyMode: i.VerifyMode, TransferMode: i.TransferMode, BytesPerSecond: i.BytesPerSecond, MaxAttempts: i.MaxAttempts,
		Retry: hikyaku.Retry{First: millis(i.RetryFirst), Max: millis(i.RetryMax)}, AllowEmpty: i.AllowEmpty,
		LaunchTimeout: millis(i.LaunchTimeout), StallTimeout: millis(i.StallTimeout),
	}
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// faultOf puts an error into words that can travel; nil for none.
func faultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	f := Fault{Code: hikyaku.CodeOf(err), Kind: hikyaku.KindOf(err), Message: err.Error()}
	if f.Kind == hikyaku.KindInternal && f.Code == "" {
		f.Code = hikyaku.CodeInternal
	}
	if entry, ok := hikyaku.Lookup(f.Code); ok {
		f.Remedy = entry.English.Remedy
	}
	return &f
}

// Err is the fault as an error: an *hikyaku.Error, which for an unknown
// transfer is hikyaku.ErrNotFound too. A nil fault is nil.
func (f *Fault) Err() error {
	if f == nil {
		return nil
	}
	e := &hikyaku.Error{Kind: f.Kind, Code: f.Code, Message: f.Message}
	if f.Code == hikyaku.CodeNoTransfer {
		return errors.Join(e, hikyaku.ErrNotFound)
	}
	return e
}
