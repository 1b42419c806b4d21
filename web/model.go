package web

import "time"

// SignIn is the content of the sign-in page.
type SignIn struct {
	// Provider is what signs people in elsewhere, with the address where that
	// begins; empty for tokens alone.
	Provider, Start string
	// Next is where the person wanted to go; empty for the first page.
	Next string
}

// Denied is the content of the page that refuses.
type Denied struct {
	Code, Title, Cause, Remedy string
	// Who is signed in, with which role, and the role that is needed; each may be empty.
	Who, Role, Need string
}

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
	Moving      bool
	Percent     int
	Headline    string // phase, waiting reason, outcome or error in one line
	Detail      string // rate and time left, remedy
	Code        string // of the error
	Files, Size string
	Attempt     string // "2/3", empty for the first of many
	At          time.Time
	Age         string
	// Started, Ended, Agent, Rate, Execution and Message are columns that can be chosen.
	Started, Ended                  time.Time
	Agent, Rate, Execution, Message string
	CanRerun                        bool
	CanCancel                       bool
	DeadLetter                      string
	DeadLetterNow                   bool // waits for a person
	// Body is its message as received, Draft what an edited one starts from.
	Body, Draft string
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
	Chips    []Chip
	Rows     []Row
	Query    string // what was searched for
	Filters  []Filter
	Choices  []Choice
	NextLink string
	Live     string // address of the live stream
	Side     *Side
	// Columns are those that can be chosen; Shown is the table's class for them.
	Columns []Column
	Shown   string
	// Conditions are the view as fields of a form, Match says how many match it.
	Conditions        []Field
	Match             string
	Count             int64 // how many match; 0: not known
	CSVLink, JSONLink string
	Looked            string // says that not all were looked at; empty if all were
	MaxRows           string // how many rows an export has at most
}

// Choice is a condition that is chosen from a list.
type Choice struct {
	Name, Label string
	Options     []Option
}

// Option is one of a choice.
type Option struct {
	Value, Text string
	Chosen      bool
}

// Column is a column that can be shown; Text is the key of its name.
type Column struct {
	Name, Text string
	Shown, Num bool
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
	Configured, Rate, Changed                string // bandwidth: configured if changed, as a field's value, by whom and when
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
	ARN, Route, State, StateText, Holder, HolderID, Age, Why, Agents, Used string
	Index                                                                  int
	CanBench, CanUnbench                                                   bool
}

// Transfer is the content of the page of one transfer.
type Transfer struct {
	Row          Row
	Answer, Todo string
	Meaning      *Meaning // of its error; nil without one
	Bad          int      // how many events of its timeline are bad
	ForceRerun   bool
	Facts        []Fact
	Attempts     []Attempt
	Events       []Event
	Files        []File
	FilesKnown   bool
	FilesMore    string // that not all are shown; empty if they are
	Notices      []Notice
	Others       []Row // other transfers of the same ID
	Body         string
	JSON         string
	APILink      string
	Live         string
}

// Meaning is an error's entry in the catalogue.
type Meaning struct {
	Code, Title, Cause, Remedy, Detail string
	Next                               string      // who or what goes on from here
	Link                               string      // others that failed with it
	Files                              []FileCause // why single files failed
}

// FileCause is one reason why files failed, and one of them.
type FileCause struct {
	Code, Title, Remedy, Example, Detail string
	Count                                int
}

// Fact is one field of a transfer; Name is the key of a text.
type Fact struct{ Name, Value string }

// Attempt is one try.
type Attempt struct {
	Number                                                                 int
	Started                                                                time.Time
	Took, Status, Mode, Files, Size, Error, Execution, Task, Agent, Phases string
	Good, Bad                                                              bool
}

// Notice is a completion event and how far it has come.
type Notice struct {
	Event, EventID, Target, State, Tries, Error, MessageID string
	Tone                                                   string    // as of Event
	Sent, Next                                             time.Time // zero: not yet, not planned
}

// Event is one entry of the timeline; Text is a sentence.
type Event struct {
	At                          time.Time
	Gap, Type, Text, By, Detail string
	Tone                        string // "good", "bad", "wait" or ""
}

// File is the result of one file.
type File struct {
	Path, State, Size, Rate, Source, Destination, Error string
	Bad                                                 bool
	Same                                                bool // both have one checksum
}

// rowView is a row with its page, for texts and rights.
type rowView struct {
	*Page
	Row Row
}

// moment is a time as a template shows it.
type moment struct {
	Known       bool
	Stamp, Text string
}

// At returns a time for the template "when".
func (p *Page) At(t time.Time) any { return moment{!t.IsZero(), p.Stamp(t), p.Clock(t)} }

// View joins a row with the page for the row template.
func (p *Page) View(r Row) any { return rowView{p, r} }
