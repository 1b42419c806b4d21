package cli

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// helpWidth is the terminal width that help fits into.
const helpWidth = 80

// fold breaks the lines of a text that are wider than width: English between
// words, Japanese between characters, but never before closing punctuation.
// Lines that fit stay as they are.
func fold(text string, width int) string {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for runewidth.StringWidth(line) > width {
			at := breakAt([]rune(line), width)
			if at == 0 {
				break // one word wider than the terminal
			}
			head := string([]rune(line)[:at])
			out = append(out, strings.TrimRight(head, " "))
			line = strings.TrimLeft(string([]rune(line)[at:]), " ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// breakAt is the last place a line may be broken at to be no wider than
// width; 0 if there is none.
func breakAt(line []rune, width int) int {
	at, used := 0, 0
	for i, r := range line {
		if i > 0 && mayBreak(line[i-1], r) {
			at = i
		}
		if used += runewidth.RuneWidth(r); used > width && r != ' ' {
			return at
		}
	}
	return at
}

func mayBreak(before, after rune) bool {
	switch {
	case after == ' ' || strings.ContainsRune("、。）」・ー", after):
		return false
	case before == ' ':
		return true
	case strings.ContainsRune("（「", before):
		return false
	}
	return runewidth.RuneWidth(before) == 2 || runewidth.RuneWidth(after) == 2
}
