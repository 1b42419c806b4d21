package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// screen is the live view of a terminal: counts, the transfers that move, then
// those that wait, then the last ones that ended. It has the terminal's
// alternate screen to itself, so that a resize leaves nothing behind, and
// draws each frame in one write without clearing first, so that nothing
// flickers. It is safe for concurrent use.
type screen struct {
	a    *app
	keep bool // leave the last frame behind
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex
	seen   map[string]hikyaku.Transfer
	stats  console.Stats
	broken error // why the stream is not there
	frame  string
}

const (
	// redraw is how often a changed frame is drawn: ages, rates and the size of
	// the terminal change by themselves.
	redraw       = 100 * time.Millisecond
	keepEnded    = 500
	defaultWidth = 100
	defaultRows  = 30
	idWidth      = 22
	stateWidth   = 9
	barWidth     = 20
	// wideEnough is the width from which on a row holds more than ID and state.
	wideEnough = 40
)

// What a terminal is told. The synchronised update is ignored by those that
// do not know it.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	beginFrame  = "\x1b[?2026h\x1b[H"
	endFrame    = "\x1b[J\x1b[?2026l"
	endLine     = "\x1b[K"
)

func newScreen(a *app) *screen {
	s := &screen{a: a, seen: map[string]hikyaku.Transfer{}, stop: make(chan struct{}), done: make(chan struct{})}
	s.write(enterScreen)
	go s.run()
	return s
}

func (s *screen) run() {
	defer close(s.done)
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.draw()
		}
	}
}

func (s *screen) counts(st console.Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats, s.broken = st, nil
}

func (s *screen) show(t hikyaku.Transfer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[t.TransferID], s.broken = t, nil
	return nil
}

func (s *screen) lost(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = why
}

// close gives the terminal back as it was, with the last frame below if it is
// to be kept.
func (s *screen) close() {
	close(s.stop)
	<-s.done
	text := leaveScreen
	if s.keep {
		width, rows := s.size()
		s.mu.Lock()
		text += strings.Join(append(s.content(width, rows-1), ""), "\n")
		s.mu.Unlock()
	}
	s.write(text)
}

// write writes to a terminal: one that is gone ends us by a signal.
func (s *screen) write(text string) { _, _ = s.a.Stdout.Write([]byte(text)) }

func (s *screen) size() (width, rows int) {
	width, rows = defaultWidth, defaultRows
	if s.a.Size != nil {
		if w, h := s.a.Size(); w > 0 && h > 0 {
			width, rows = w, h
		}
	}
	return width, rows
}

// draw draws what changed since the last frame, or nothing.
func (s *screen) draw() {
	width, rows := s.size()
	s.mu.Lock()
	lines := s.content(width, rows)
	s.mu.Unlock()
	frame := beginFrame + strings.Join(lines, endLine+"\r\n") + endLine + endFrame
	if key := fmt.Sprint(width, rows, frame); key != s.frame {
		s.frame = key
		s.write(frame)
	}
}

// content is at most rows lines, none wider than width.
func (s *screen) content(width, rows int) []string {
	lines := []string{s.head(width)}
	all := make([]hikyaku.Transfer, 0, len(s.seen))
	for _, t := range s.seen {
		all = append(all, t)
	}
	slices.SortFunc(all, byInterest)
	for i := keepEnded; i < len(all); i++ {
		if all[i].State.Ended() {
			delete(s.seen, all[i].TransferID)
		}
	}
	room := max(rows-1, 0)
	if len(all) > room {
		room = max(room-1, 0) // for saying how many are not shown
	}
	for _, t := range all[:min(len(all), room)] {
		lines = append(lines, s.row(t, width))
	}
	if hidden := len(all) - room; hidden > 0 && rows > 1 {
		lines = append(lines, s.a.paint(dim, cut(s.a.t("more_rows", hidden), width)))
	}
	return lines
}

// head is the counts, or that the server is out of reach.
func (s *screen) head(width int) string {
	if s.broken != nil {
		return s.a.paint(red, cut(s.a.t("stream_lost", oneLine(s.broken.Error())), width))
	}
	line, used := "", 0
	for _, st := range console.States() {
		n := s.stats.Totals[st]
		if n == 0 {
			continue
		}
		part := fmt.Sprintf("%s %s", st, count(n))
		if used > 0 {
			if used+2+len(part) > width {
				break
			}
			line, used = line+"  ", used+2
		}
		part = cut(part, width)
		line += s.a.paint(stateColour(st), part)
		used += runewidth.StringWidth(part)
	}
	return line
}

// byInterest puts what moves first, then what waits, then what ended last.
func byInterest(x, y hikyaku.Transfer) int {
	rank := func(t hikyaku.Transfer) int {
		switch {
		case t.State.Ended():
			return 2
		case t.State == hikyaku.Queued:
			return 1
		}
		return 0
	}
	if d := rank(x) - rank(y); d != 0 {
		return d
	}
	if rank(x) == 2 {
		if d := y.EndedAt.Compare(x.EndedAt); d != 0 {
			return d
		}
	}
	return strings.Compare(x.TransferID, y.TransferID)
}

// row is one transfer, no wider than width.
func (s *screen) row(t hikyaku.Transfer, width int) string {
	forID := min(idWidth, max(width-stateWidth-2, 0))
	if width < stateWidth+6 { // no room for both
		return cut(console.Printable(t.ID), width)
	}
	id := runewidth.FillRight(cut(console.Printable(t.ID), forID), forID)
	line := id + "  " + s.a.paint(stateColour(t.State), fmt.Sprintf("%-*s", stateWidth, t.State))
	room := width - forID - stateWidth - 4
	if width < wideEnough || room < 4 {
		return line
	}
	return line + "  " + cut(s.doing(t, room), room)
}

// doing is the progress or the reason; the bar has what room is left.
func (s *screen) doing(t hikyaku.Transfer, room int) string {
	if t.State != hikyaku.Running {
		return s.a.why(t)
	}
	rest := fmt.Sprintf("%3d%%  %s", console.Percent(t), s.a.why(t))
	if t.Rate > 0 {
		rest += "  " + console.FormatRate(t.Rate, s.a.lang)
	}
	if t.ETA > 0 {
		rest += "  " + s.a.t("left", console.FormatDuration(time.Duration(t.ETA)*time.Second, s.a.lang))
	}
	if wide := min(barWidth, room-runewidth.StringWidth(rest)-1); wide >= 5 {
		rest = bar(console.Percent(t), wide) + " " + rest
	}
	return rest
}

func bar(percent, width int) string {
	width /= max(runewidth.RuneWidth('━'), 1) // two columns in some Japanese terminals
	full := min(max(percent*width/100, 0), width)
	return strings.Repeat("━", full) + strings.Repeat("╌", width-full)
}
