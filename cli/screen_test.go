package cli_test

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
)

const (
	enterScreen = "\x1b[?1049h"
	leaveScreen = "\x1b[?1049l"
	beginFrame  = "\x1b[?2026h\x1b[H"
	endFrame    = "\x1b[J\x1b[?2026l"
)

// frames are the pictures that were drawn, as lines without colours.
func frames(t *testing.T, out string) [][]string {
	t.Helper()
	colour := regexp.MustCompile("\x1b\\[[0-9;]*m")
	var all [][]string
	for i, part := range strings.Split(out, beginFrame) {
		if i == 0 {
			continue
		}
		picture, _, whole := strings.Cut(part, endFrame)
		if !whole {
			t.Errorf("a frame has no end: %q", part)
		}
		var lines []string
		for line := range strings.SplitSeq(picture, "\r\n") {
			line, cleared := strings.CutSuffix(line, "\x1b[K")
			if line = colour.ReplaceAllString(line, ""); !cleared || strings.ContainsAny(line, "\x1b\n") {
				t.Errorf("line %q", line)
			}
			lines = append(lines, line)
		}
		all = append(all, lines)
	}
	return all
}

// watch runs `watch` on terminals of these sizes, one after the other: the
// next when the last was drawn.
func watch(t *testing.T, r run, sizes ...[2]int) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r.terminal, r.ctx = true, ctx
	r.tee = &bytes.Buffer{}
	asked := 0
	r.size = func() (int, int) { // asked by the one that draws, and after it ended
		if !strings.Contains(r.tee.String(), "A-1001") {
			return sizes[0][0], sizes[0][1] // the stream's first events are under way
		}
		const draws = 3
		asked++
		if asked > draws*len(sizes) {
			cancel()
		}
		s := sizes[min((asked-1)/draws, len(sizes)-1)]
		return s[0], s[1]
	}
	return r.do(t, "watch")
}

func TestWatch_FitsEveryTerminal(t *testing.T) {
	t.Parallel()
	sizes := [][2]int{{120, 40}, {80, 24}, {60, 10}, {39, 5}, {20, 3}, {12, 2}, {5, 1}}
	got := watch(t, fixture(t), sizes...)
	if got.code != cli.ExitOK || !strings.HasPrefix(got.out, enterScreen) || !strings.Contains(got.out, leaveScreen) {
		t.Errorf("code %d; the terminal is not given back:\n%q", got.code, got.out)
	}
	seen := map[int]bool{}
	for _, lines := range frames(t, got.out) {
		width := 0
		for _, line := range lines {
			width = max(width, runewidth.StringWidth(line))
		}
		fits := 0
		for _, s := range sizes {
			if width <= s[0] && len(lines) <= s[1] {
				fits++
				seen[s[0]] = true
			}
		}
		if fits == 0 {
			t.Errorf("fits no terminal: %d by %d\n%s", width, len(lines), strings.Join(lines, "\n"))
		}
	}
	all := frames(t, got.out)
	if last := all[len(all)-1]; len(last) != 1 || runewidth.StringWidth(last[0]) > 5 {
		t.Errorf("the smallest terminal shows %q", last)
	}
	first := ""
	for _, lines := range all {
		if text := strings.Join(lines, "\n"); strings.Contains(text, "A-1001") {
			first = text
			break
		}
	}
	for _, want := range []string{"RUNNING 2", "A-1001", "━", "96.0 MiB/s", "47 s left"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing in\n%s", want, first)
		}
	}
	if len(all) > len(sizes)+4 {
		t.Errorf("%d frames for %d sizes: what did not change was drawn again", len(all), len(sizes))
	}
}

func TestWatch_SaysWhatItHides(t *testing.T) {
	t.Parallel()
	got := watch(t, fixture(t), [2]int{80, 4})
	all := frames(t, got.out)
	if last := all[len(all)-1]; len(last) != 4 || !regexp.MustCompile(`^… and \d+ more$`).MatchString(last[3]) {
		t.Errorf("got\n%s", strings.Join(last, "\n"))
	}
}

func TestWatch_NoColour(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	if got := watch(t, r, [2]int{80, 24}); !regexp.MustCompile("\x1b\\[[0-9;]*m").MatchString(got.out) {
		t.Errorf("no colour on a terminal: %q", got.out)
	}
	r.env = map[string]string{"NO_COLOR": "1"}
	if got := watch(t, r, [2]int{80, 24}); regexp.MustCompile("\x1b\\[[0-9;]*m").MatchString(got.out) {
		t.Errorf("colour against NO_COLOR: %q", got.out)
	}
}

func TestWatch_LinesWhereNoTerminalIs(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	for _, dumb := range []bool{false, true} {
		r.terminal, r.env = dumb, map[string]string{"TERM": "dumb"}
		got := r.do(t, "watch", "A-0998")
		if strings.Contains(got.out, "\x1b") || strings.Count(got.out, "\n") != 2 {
			t.Errorf("terminal %v: got %q", dumb, got.out)
		}
	}
}

// TestSend_WaitManyFromStdin waits for more IDs than a stream begins with.
func TestSend_WaitManyFromStdin(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	const n = 450
	var ids strings.Builder
	ids.WriteString("\ufeff") // as Windows writes it
	for i := range n {
		ids.WriteString("M-" + strings.Repeat("x", i%3) + "-" + string(rune('a'+i%26)) + "-" + time.Duration(i).String() + "\r\n")
	}
	r.stdin = ids.String()
	stop := r.f.Ledger.Subscribe(func(tr hikyaku.Transfer) {
		if !strings.HasPrefix(tr.ID, "M-") || tr.State != hikyaku.Queued {
			return
		}
		tr.State, tr.Outcome, tr.WaitingReason, tr.EndedAt = hikyaku.Succeeded, hikyaku.Delivered, "", r.f.Now
		if err := r.f.Ledger.Commit(context.Background(), hikyaku.Change{Transfer: &tr}); err != nil {
			t.Error(err)
		}
	})
	defer stop()
	got := r.do(t, "send", "-", "--wait", "--timeout", "60s", "--query", "length(transfers[?state=='SUCCEEDED'])")
	if got.code != cli.ExitOK || got.out != "450\n" {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.err)
	}
}
