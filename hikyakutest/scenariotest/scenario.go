package scenariotest

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/hikyaku/hikyaku"
)

//go:embed testdata/delivery.txt
var delivery string

// Delivery is the scenario of testdata/delivery.txt.
func Delivery() (*Scenario, error) { return Parse(delivery) }

//go:embed testdata/real.txt
var realStack string

// RealStack is the scenario of testdata/real.txt.
func RealStack() (*Scenario, error) { return Parse(realStack) }

// Scenario is a scenario file, read.
type Scenario struct {
	Groups  []Group
	Poisons []Poison
	// Cannot says, by edition and fault, why the edition cannot have it.
	Cannot       map[string]map[Fault]string
	Steps        []Step
	Expectations []Expectation
}

// Range is a closed interval.
type Range struct{ Min, Max int }

// Group is IDs with the same fate.
type Group struct {
	Name  string
	Count int
	// Files of each ID, and bytes of each file; no files: nothing at the source.
	Files, Bytes Range
}

// IDs are those of the group.
func (g Group) IDs() []string {
	ids := make([]string, g.Count)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%03d", g.Name, i+1)
	}
	return ids
}

// Poison is a message that cannot be understood.
type Poison struct{ Name, Code, Body string }

// Fault names what can be broken.
type Fault string

// The faults. Those with a count happen so often and then end by themselves.
const (
	KillBeforeStart Fault = "kill-before-start" // the process that has leased a task ends before it starts the execution
	KillAfterStart  Fault = "kill-after-start"  // it ends before it records the execution
	Throttle        Fault = "throttle"          // DataSync refuses calls: too many
	LoseAnswers     Fault = "lose-answers"      // DataSync starts an execution and its answer is lost
	LoseEvents      Fault = "lose-events"       // state changes that nobody is told of
	Redeliver       Fault = "redeliver"         // a batch of messages is delivered again after it was handled
	AgentsOffline   Fault = "agents-offline"    // all agents
)

// Faults lists them all.
func Faults() []Fault {
	return []Fault{KillBeforeStart, KillAfterStart, Throttle, LoseAnswers, LoseEvents, Redeliver, AgentsOffline}
}

// counted reports whether the fault needs a count.
func (f Fault) counted() bool { return f != AgentsOffline }

// Verb is what a step does.
type Verb string

// The verbs; see testdata/delivery.txt.
const (
	Pool    Verb = "pool"
	Limit   Verb = "limit"
	Upload  Verb = "upload"
	Send    Verb = "send"
	Again   Verb = "again"
	Break   Verb = "break"
	Mend    Verb = "mend"
	Wait    Verb = "wait"
	Redrive Verb = "redrive"
	Settle  Verb = "settle"
)

// Step is one line of a scenario's course.
type Step struct {
	Line   int
	Text   string
	Verb   Verb
	Groups []string
	// N is the pool's size, the bandwidth (-1: unlimited) or a fault's count.
	N     int64
	Twice bool
	Fault Fault
	// If is the fault without which the step makes no sense.
	If     Fault
	State  hikyaku.State
	Reason hikyaku.WaitingReason
}

// Expectation is what must have become of every ID of some groups.
type Expectation struct {
	Groups  []string
	State   hikyaku.State
	Outcome hikyaku.Outcome // of SUCCEEDED
	Code    string          // of others
	// Transfers is how many there are of an ID, Attempts how many each took.
	Transfers int
	Attempts  Range
}

// Rename puts a prefix before every group's name, and so before every ID.
func (s *Scenario) Rename(prefix string) {
	renamed := func(names []string) []string {
		out := slices.Clone(names)
		for i, name := range out {
			if _, ok := s.group(name); ok {
				out[i] = prefix + name
			}
		}
		return out
	}
	for i := range s.Steps {
		s.Steps[i].Groups = renamed(s.Steps[i].Groups)
	}
	for i := range s.Expectations {
		s.Expectations[i].Groups = renamed(s.Expectations[i].Groups)
	}
	for i := range s.Groups {
		s.Groups[i].Name = prefix + s.Groups[i].Name
	}
}

// group finds a group.
func (s *Scenario) group(name string) (Group, bool) {
	i := slices.IndexFunc(s.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return s.Groups[i], true
}

func (s *Scenario) poison(name string) (Poison, bool) {
	i := slices.IndexFunc(s.Poisons, func(p Poison) bool { return p.Name == name })
	if i < 0 {
		return Poison{}, false
	}
	return s.Poisons[i], true
}

// IDs is how many IDs there are in all.
func (s *Scenario) IDs() int {
	n := 0
	for _, g := range s.Groups {
		n += g.Count
	}
	return n
}

// check refuses what reads well and means nothing.
func (s *Scenario) check() error {
	var errs []error
	expected := map[string]bool{}
	known := func(where, name string, poison bool) {
		if _, ok := s.group(name); ok {
			return
		}
		if _, ok := s.poison(name); !ok || !poison {
			errs = append(errs, fmt.Errorf("%s: there is no group %q", where, name))
		}
	}
	broken := map[Fault]bool{}
	for _, step := range s.Steps {
		where := fmt.Sprintf("line %d", step.Line)
		for _, name := range step.Groups {
			known(where, name, step.Verb == Send)
		}
		switch {
		case step.Verb == Break:
			broken[step.Fault] = true
		case step.Verb == Mend && !broken[step.Fault]:
			errs = append(errs, fmt.Errorf("%s: %s was not broken", where, step.Fault))
		case step.Verb == Mend:
			broken[step.Fault] = false
		}
	}
	for f, left := range broken {
		if left {
			errs = append(errs, fmt.Errorf("%s is never mended", f))
		}
	}
	for _, e := range s.Expectations {
		for _, name := range e.Groups {
			known("expect", name, false)
			expected[name] = true
		}
	}
	for _, g := range s.Groups {
		if !expected[g.Name] {
			errs = append(errs, fmt.Errorf("nothing is expected of group %s", g.Name))
		}
	}
	if len(s.Steps) == 0 || s.Steps[len(s.Steps)-1].Verb != Settle {
		errs = append(errs, errors.New("the last step must be settle"))
	}
	return errors.Join(errs...)
}
