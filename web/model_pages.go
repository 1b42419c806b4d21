package web

import "time"

// Now is the content of the page of what happens now.
type Now struct {
	Chips   []Chip
	Running []Work
	// MoreRunning leads to all that run when not all are shown.
	MoreRunning string
	Waits       []Wait
	Charts      []Chart
	// Partial says what the charts leave out; empty for nothing.
	Partial string
	Side    *Side
}

// Work is a running transfer.
type Work struct {
	Row
	Phase, Rate, ETA, Agent, Task string
}

// Wait is why transfers of a route wait.
type Wait struct {
	Route, Reason, Todo, Oldest, Link string
	Count                             int64
}

// Chart is a bar chart, drawn by the server: it prints, needs no script and
// does not move while it is live.
type Chart struct {
	// Title is the key of a text; Says sums the chart up in words.
	Title, Says string
	Bars        []Bar
	From, To    string // of the axis
	Width       int    // of the drawing; its height is ChartHeight
}

// ChartHeight is the height of charts in units of the drawing.
const ChartHeight = 100

// Bar is one interval: what succeeded below, what failed above it.
type Bar struct {
	X, Width                   int
	GoodY, Good, FailedY, Fail int
	Text                       string
}

// Errors is the content of the page of errors.
type Errors struct {
	Hint   string
	Groups []ErrorGroup
	At     time.Time
}

// ErrorGroup is what failed with one code.
type ErrorGroup struct {
	Code, Title, Cause, Remedy string
	Count                      string
	Final                      bool // nothing tries it again by itself
	Hour, Newest               string
	Trend                      Chart
	Texts                      []ErrorText
	Routes                     []Chip
	Link                       string
	Rerun                      Action
}

// ErrorText is one thing that was said with a code.
type ErrorText struct{ Text, Count, Link string }

// DeadLetters is the content of the page of dead letters.
type DeadLetters struct {
	List

	Groups []LetterGroup
	Window string // says how many were grouped, if not all
	Run    *Redrive
	Code   string // of the group that is shown
}

// LetterGroup is the dead letters of one code.
type LetterGroup struct {
	Code, Title, Remedy, Count, Link string
	Active                           bool
	Canary, Discard                  Action
}

// Redrive is a redrive with canary as far as it came.
type Redrive struct {
	Code, Text, By string
	Running, Bad   bool
	Step           int
	Sent, Total    int
	Letters        []Row
	Stop           Action
}

// AgentPage is the content of the page of agents.
type AgentPage struct {
	Agents []AgentDetail
}

// AgentDetail is an agent with its work.
type AgentDetail struct {
	Agent

	Work         []Work
	Tasks, Bench int
	Waits        string // what waits for it; empty for nothing
	WaitsLink    string
	Link         string // its transfers
	Today        string
	Past         []AgentChange // newest first
}

// AgentChange is when an agent came online or went offline; ID is the agent's.
type AgentChange struct {
	ID     string
	At     time.Time
	Online bool
}

// Audit is the content of the page of what people did.
type Audit struct {
	// Chain says whether the chain of records verifies; Broken that it does not.
	Chain  string
	Broken bool
	// Head is the newest record's hash, to be noted.
	Head        string
	Entries     []AuditEntry
	People, Ops []Chip
	// Any: the list is filtered, or not from its beginning.
	Any      bool
	NextLink string
}

// AuditEntry is one thing a person did; Hash is how FullHash begins.
type AuditEntry struct {
	Seq, Hash, FullHash               string
	At                                time.Time
	By, What, Subject, Reason, Detail string
	Origin                            string
	Link                              string // empty: the subject has no page
}

// Done is the content of the page that says what came of work on several.
type Done struct {
	Text    string
	Refused string // how many, in words
	Reasons []Fact
	More    bool
	Back    string
}
