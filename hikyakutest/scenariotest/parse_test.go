package scenariotest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
)

func TestDelivery(t *testing.T) {
	t.Parallel()
	s, err := scenariotest.Delivery()
	if err != nil {
		t.Fatal(err)
	}
	if n := s.IDs(); n != 200 {
		t.Errorf("%d IDs, want 200", n)
	}
	used := map[scenariotest.Fault]bool{}
	pools := []int64{}
	for _, step := range s.Steps {
		if step.Verb == scenariotest.Break {
			used[step.Fault] = true
		}
		if step.Verb == scenariotest.Pool {
			pools = append(pools, step.N)
		}
	}
	for _, f := range scenariotest.Faults() {
		if !used[f] {
			t.Errorf("%s never happens", f)
		}
	}
	if want := []int64{2, 4, 1}; !slices.Equal(pools, want) {
		t.Errorf("pools %v, want %v", pools, want)
	}
	if len(s.Poisons) != 4 || s.Cannot["self-hosted"][scenariotest.Throttle] == "" || len(s.Cannot["aws"]) != 0 {
		t.Errorf("poisons %v, cannot %v", s.Poisons, s.Cannot)
	}
}

func TestScenario_Rename(t *testing.T) {
	t.Parallel()
	s, err := scenariotest.RealStack()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range s.Steps { // what others use is left as it is
		if slices.Contains([]scenariotest.Verb{scenariotest.Break, scenariotest.Mend, scenariotest.Pool, scenariotest.Limit}, step.Verb) {
			t.Errorf("%q is not for a real stack", step.Text)
		}
	}
	s.Rename("x-")
	if s.Groups[0].IDs()[0] != "x-plain-001" || s.Expectations[0].Groups[0] != "x-plain" || !slices.Equal(s.Steps[0].Groups, []string{"x-plain", "x-paired", "x-repeated"}) {
		t.Errorf("%+v", s)
	}
	if !slices.Equal(s.Steps[1].Groups, []string{"broken", "lost", "refused"}) {
		t.Errorf("poison was renamed: %+v", s.Steps[1])
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := scenariotest.Parse("# what is this\n" + small)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Groups) != 3 || s.Groups[0].Bytes != (scenariotest.Range{Min: 0, Max: 2048}) || s.Groups[1].Files.Max != 0 {
		t.Errorf("groups = %+v", s.Groups)
	}
	wait := s.Steps[slices.IndexFunc(s.Steps, func(x scenariotest.Step) bool { return x.Verb == scenariotest.Wait })]
	if wait.State != hikyaku.Failed || !slices.Equal(wait.Groups, []string{"none"}) || wait.Line == 0 {
		t.Errorf("wait = %+v", wait)
	}
	e := s.Expectations[0]
	if e.Outcome != hikyaku.Delivered || e.Transfers != 1 || e.Attempts != (scenariotest.Range{Min: 1, Max: 1}) || !slices.Equal(e.Groups, []string{"ok", "both"}) {
		t.Errorf("expectation = %+v", e)
	}
}

func TestParse_refuses(t *testing.T) {
	t.Parallel()
	const end = "\nsettle\nexpect a FAILED HKY-2001 transfers 1 attempts 0..0"
	for text, want := range map[string]string{
		"":                                   "the last step must be settle",
		"dance":                              `"dance" is no statement`,
		"group a":                            "a count is missing",
		"group a 0":                          "is empty",
		"group a 1\ngroup a 1":               "exists already",
		"group a 1 files 2..1 bytes 0..0":    "no range",
		"group a 1 files 0..1 bytes 0..0":    "at least one file",
		"group a 1 files 1..x bytes 0..0":    "is no number",
		"group a 1 colours 1..2":             `"colours" where "files" belongs`,
		"group a 1" + end + "\nsend b":       "there is no group",
		"group a 1\nsettle":                  "nothing is expected of group a",
		"group a 1\nsend a" + end + "\npool": "a size is missing",
		"group a 1\npool 1 2" + end:          `"2" is not understood`,
		"group a 1\nsend" + end:              "a group is missing",
		"group a 1\nwait a SLEEPING" + end:   "is no state",
		"group a 1\nwait a because tired":    "is no waiting reason",
		"group a 1\nbreak heart 1" + end:     "is no fault",
		"group a 1\nbreak throttle" + end:    "a count is missing",
		"group a 1\nbreak throttle 1" + end:  "never mended",
		"group a 1\nmend throttle" + end:     "was not broken",
		"group a 1\npool 1 if rain" + end:    "is no fault",
		"group a 1\npoison p HKY-0 `x`":      "a code of the catalogue",
		"group a 1\npoison p HKY-1001 x":     "`body`",
		"cannot x throttle:":                 "say why",
		"group a 1\nexpect a FAILED nothing transfers 1 attempts 0..0": "is no code",
	} {
		s, err := scenariotest.Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %+v, %v; want %q", text, s, err, want)
		}
	}
}

func TestGroup_Objects(t *testing.T) {
	t.Parallel()
	g := scenariotest.Group{Name: "g", Count: 60, Files: scenariotest.Range{Min: 1, Max: 5}, Bytes: scenariotest.Range{Min: 0, Max: 5000}}
	empty, counts := 0, map[int]int{}
	for _, id := range g.IDs() {
		objects, again := g.Objects(id), g.Objects(id)
		counts[len(objects)]++
		for i, o := range objects {
			if o.Key != again[i].Key || !bytes.Equal(o.Content, again[i].Content) {
				t.Fatalf("%s is not the same twice", o.Key)
			}
			if len(o.Content) > 5000 || !strings.HasPrefix(o.Key, id+"/") {
				t.Errorf("%s has %d bytes", o.Key, len(o.Content))
			}
			if len(o.Content) == 0 {
				empty++
			}
		}
	}
	if empty == 0 || len(counts) != 5 {
		t.Errorf("%d empty files, counts %v", empty, counts)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add("group a 1 files 1..2 bytes 0..1KiB\nsend a twice\npoison x HKY-1001 `{`\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scenariotest.Parse(text)
		if (s == nil) == (err == nil) {
			t.Errorf("Parse = %v, %v", s, err)
		}
	})
}
