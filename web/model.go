package web

import "time"

// Row is one transfer in a list. All texts are in the page's language and may
// be shown as they are.
type Row struct {
	TransferID, ID, Route string
	// State is the state's name, StateText the same in words.
	State, StateText string
	// Stations is the way of a delivery: accepted, started, prepared,
	// transferred, verified; StationsText says the same.
	Stations     []string // "done", "now", "fail" or ""
	StationsText string
	// Moving shows the progress bar.
	Moving        bool
	Percent       int
	Headline      string // phase, waiting reason, outcome or error in one line
	Detail        string // rate and time left, remedy
	Code          string // of the error
	Files, Size   string
	Attempt       string // "2/3", empty for the first of many
	At            time.Time
	Age           string
	CanRerun      bool
	CanCancel     bool
	DeadLetter    string
	DeadLetterNow bool // waits for a person
}

// Chip is a state as a filter with its count.
type Chip struct {
	State, Text string
	Count       int64
	Active      bool
	Link        string
}

// List is the content of the page of transfers and that of dead letters.
type List struct {
	Chips []Chip
	Rows  []Row
	Query string // what was searched for
	// SearchHint is the key of the text that says what a search finds.
	SearchHint string
	Filters    []Filter
	NextLink   string
	Live       string // address of the live stream
	Side       *Side
}

// Filter is one condition in force, with the link that removes it.
type Filter struct{ Name, Value, Link string }

// Side is the summary of what carries the transfers.
type Side struct {
	Routes []Route
	Agents []Agent
	Tasks  []Task
}

// Route is a route with its pool at a glance.
type Route struct {
	Name, Source, Destination, Limit, Verify string
	Paused                                   bool
	PausedReason                             string
	Queued, Running, Failed                  int64
	Idle, Leased, Benched, Tasks             int
	Oldest                                   string // age of the oldest that waits; empty for none
	Dots                                     []string
}

// Agent is an agent at a glance.
type Agent struct {
	Name, ARN, Platform, Contact, Since, Load string
	Online                                    bool
}

// Task is a task of a pool.
type Task struct {
	ARN, Route, State, StateText, Holder, Age, Why, Agents string
	Index                                                  int
	CanBench, CanUnbench                                   bool
}

// Transfer is the content of the page of one transfer.
type Transfer struct {
	Row          Row
	Answer, Todo string
	ForceRerun   bool
	Facts        []Fact
	Attempts     []Attempt
	Events       []Event
	Files        []File
	FilesKnown   bool
	Others       []Row // other transfers of the same ID
	Body         string
	JSON         string
	APILink      string
	Live         string
}

// Fact is one field of a transfer; Name is the key of a text.
type Fact struct{ Name, Value string }

// Attempt is one try.
type Attempt struct {
	Number                                            int
	Started                                           time.Time
	Took, Status, Mode, Files, Size, Error, Execution string
	Good, Bad                                         bool
}

// Event is one entry of the timeline; Text is a sentence.
type Event struct {
	At                          time.Time
	Gap, Type, Text, By, Detail string
	Tone                        string // "good", "bad", "wait" or ""
}

// File is the result of one file.
type File struct {
	Path, State, Size, Source, Destination, Error string
	Bad                                           bool
}

// rowView is a row with its page, for texts and rights.
type rowView struct {
	*Page
	Row Row
}

// View joins a row with the page for the row template.
func (p *Page) View(r Row) any { return rowView{p, r} }
