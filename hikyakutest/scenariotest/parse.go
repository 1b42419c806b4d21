package scenariotest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// Parse reads a scenario. The error names the line.
func Parse(text string) (*Scenario, error) {
	s := &Scenario{Cannot: map[string]map[Fault]string{}}
	for i, line := range strings.Split(text, "\n") {
		line, body, _ := strings.Cut(line, "`")
		line, _, _ = strings.Cut(line, "#")
		p := &parser{line: i + 1, text: strings.TrimSpace(line), words: strings.Fields(line)}
		if body, ok := strings.CutSuffix(strings.TrimSpace(body), "`"); ok {
			p.body = body
		}
		if len(p.words) == 0 {
			continue
		}
		p.statement(s)
		if len(p.words) > 0 {
			p.fail("%q is not understood", strings.Join(p.words, " "))
		}
		if p.err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, p.err)
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// parser reads one line. After the first error it does nothing.
type parser struct {
	line  int
	text  string
	body  string // between backquotes
	words []string
	err   error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.words = nil
}

// next takes a word.
func (p *parser) next(what string) string {
	if len(p.words) == 0 {
		p.fail("%s is missing", what)
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

// word takes one that must be there.
func (p *parser) word(want string) {
	if w := p.next(want); p.err == nil && w != want {
		p.fail("%q where %q belongs", w, want)
	}
}

// last takes the last word if it is w.
func (p *parser) last(w string) bool {
	n := len(p.words)
	if n == 0 || p.words[n-1] != w {
		return false
	}
	p.words = p.words[:n-1]
	return true
}

func (p *parser) statement(s *Scenario) {
	switch verb := p.next("a statement"); verb {
	case "group":
		s.Groups = append(s.Groups, p.group(s))
	case "poison":
		q := Poison{Name: p.next("a name"), Code: p.next("a code"), Body: p.body}
		if _, ok := hikyaku.Lookup(q.Code); !ok || q.Body == "" {
			p.fail("a poison needs a code of the catalogue and a `body`")
		}
		s.Poisons = append(s.Poisons, q)
	case "cannot":
		edition, fault := p.next("an edition"), p.fault(strings.TrimSuffix(p.next("a fault"), ":"))
		if s.Cannot[edition] == nil {
			s.Cannot[edition] = map[Fault]string{}
		}
		s.Cannot[edition][fault] = strings.Join(p.words, " ")
		if len(p.words) == 0 {
			p.fail("say why")
		}
		p.words = nil
	case "expect":
		s.Expectations = append(s.Expectations, p.expectation())
	default:
		s.Steps = append(s.Steps, p.step(Verb(verb)))
	}
}

func (p *parser) group(s *Scenario) Group {
	g := Group{Name: p.next("a name"), Count: int(p.number(p.next("a count")))}
	if _, twice := s.group(g.Name); twice || g.Count < 1 {
		p.fail("group %q exists already, or is empty", g.Name)
	}
	if len(p.words) > 0 {
		p.word("files")
		g.Files = p.span(p.next("a range"))
		p.word("bytes")
		g.Bytes = p.span(p.next("a range"))
		if g.Files.Min < 1 {
			p.fail("an ID has at least one file, or no files at all")
		}
	}
	return g
}

// step reads what follows a verb.
func (p *parser) step(verb Verb) Step {
	s := Step{Line: p.line, Text: p.text, Verb: verb}
	if n := len(p.words); n >= 2 && p.words[n-2] == "if" {
		s.If = p.fault(p.words[n-1])
		if p.err == nil {
			p.words = p.words[:n-2]
		}
	}
	switch verb {
	case Pool:
		s.N = p.number(p.next("a size"))
	case Limit:
		s.N = -1
		if w := p.next("a bandwidth"); w != "none" {
			s.N = p.number(w)
		}
	case Upload, Again, Redrive:
		s.Groups = p.groups(0)
	case Send:
		s.Twice = p.last("twice")
		s.Groups = p.groups(0)
	case Break:
		s.Fault = p.fault(p.next("a fault"))
		s.If = s.Fault
		if s.Fault.counted() {
			s.N = p.number(p.next("a count"))
		}
	case Mend:
		s.Fault = p.fault(p.next("a fault"))
		s.If = s.Fault
	case Wait:
		p.wait(&s)
	case Settle:
	default:
		p.fail("%q is no statement", verb)
	}
	return s
}

// groups takes all words but the last keep ones.
func (p *parser) groups(keep int) []string {
	n := len(p.words) - keep
	if n < 1 {
		p.fail("a group is missing")
		return nil
	}
	names := slices.Clone(p.words[:n])
	p.words = p.words[n:]
	return names
}

func (p *parser) wait(s *Step) {
	if n := len(p.words); n >= 2 && p.words[n-2] == "because" {
		s.Groups = p.groups(2)
		p.word("because")
		s.Reason = hikyaku.WaitingReason(p.next("a reason"))
		if !slices.Contains(hikyaku.WaitingReasons(), s.Reason) {
			p.fail("%q is no waiting reason", s.Reason)
		}
		return
	}
	s.Groups = p.groups(1)
	s.State = p.state()
}

func (p *parser) state() hikyaku.State {
	s := hikyaku.State(p.next("a state"))
	if !slices.Contains(hikyaku.States(), s) {
		p.fail("%q is no state", s)
	}
	return s
}

// expectation reads GROUP… STATE OUTCOME|CODE transfers N attempts A..B.
func (p *parser) expectation() Expectation {
	var e Expectation
	e.Groups = p.groups(6)
	e.State = p.state()
	if w := p.next("an outcome or a code"); e.State == hikyaku.Succeeded {
		e.Outcome = hikyaku.Outcome(w)
	} else if _, ok := hikyaku.Lookup(w); ok {
		e.Code = w
	} else {
		p.fail("%q is no code", w)
	}
	p.word("transfers")
	e.Transfers = int(p.number(p.next("a count")))
	p.word("attempts")
	e.Attempts = p.span(p.next("a range"))
	return e
}

func (p *parser) fault(w string) Fault {
	f := Fault(w)
	if !slices.Contains(Faults(), f) {
		p.fail("%q is no fault", w)
	}
	return f
}

// number reads 12, 12KiB or 12MiB.
func (p *parser) number(w string) int64 {
	n, err := number(w)
	if err != nil {
		p.fail("%w", err)
	}
	return n
}

func number(w string) (int64, error) {
	factor := int64(1)
	digits, kib := strings.CutSuffix(w, "KiB")
	if kib {
		factor = 1 << 10
	} else if digits, kib = strings.CutSuffix(w, "MiB"); kib {
		factor = 1 << 20
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 0 {
		return 0, errors.New(strconv.Quote(w) + " is no number")
	}
	return n * factor, nil
}

// span reads A..B.
func (p *parser) span(w string) Range {
	low, high, ok := strings.Cut(w, "..")
	r := Range{int(p.number(low)), int(p.number(high))}
	if !ok || r.Min > r.Max {
		p.fail("%q is no range A..B", w)
	}
	return r
}
