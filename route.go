package hikyaku

import "time"

// Route says where an ID's files come from, where they go and how.
type Route struct {
	Name string
	// Queue whose messages without a route belong here; empty for none.
	Queue string
	// Source and Destination are locations as in the config ("s3://outbox/orders/").
	Source, Destination string
	// Include is how an ID becomes DataSync's include filter: "/{id}/*" or "/{id}".
	Include string
	// KeyPattern is how an S3 event's key becomes an ID: "orders/{id}/*"; empty: no S3 events.
	// See IDOfKey for what {id} stands for where IDs contain "/".
	KeyPattern string
	// IDPattern is a regular expression over whole IDs; empty is the default rule. IDs may contain
	// "/" where it matches them, "." and "[^x]" included; see CheckID for what is refused nevertheless.
	IDPattern string
	// Ready delays an ID until its files are complete; zero is ready at once.
	Ready Ready
	// Pool is the number of tasks wanted (self-hosted; on AWS the stack decides).
	Pool int
	// VerifyMode, TransferMode: DataSync's values. BytesPerSecond -1 is unlimited.
	VerifyMode, TransferMode string
	BytesPerSecond           int64
	MaxAttempts              int
	Retry                    Retry
	AllowEmpty               bool
	// LaunchTimeout and StallTimeout are the watchdogs: how long an execution
	// may stay QUEUED or LAUNCHING, and go without any counter moving. 0: defaults.
	LaunchTimeout, StallTimeout time.Duration
}

// Ready is a route's rule for when an ID's files are complete.
type Ready struct {
	// Quiet is how long no object may have been added; 0 is off.
	Quiet time.Duration
	// Marker is an object name relative to the ID's folder that must exist; empty is off.
	Marker string
}

// Retry is the back-off between attempts: full jitter between 0 and
// min(Max, First·2^n).
type Retry struct{ First, Max time.Duration }

// RouteSettings are a route's hot settings, changed by people while it runs
// and kept in the ledger.
type RouteSettings struct {
	Route  string `json:"route"`
	Paused bool   `json:"paused"`
	// PausedReason is what the person gave, may be empty.
	PausedReason string `json:"paused_reason,omitempty"`
	// BytesPerSecond overrides the route's bandwidth when set; -1 is unlimited.
	BytesPerSecond *int64    `json:"bytes_per_second,omitempty"`
	Version        int64     `json:"version"`
	UpdatedAt      time.Time `json:"updated_at,omitzero"`
	By             string    `json:"by,omitempty"`
}
