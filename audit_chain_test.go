package hikyaku_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
)

// auditLog is a log of n records that verifies.
func auditLog(n int) []hikyaku.AuditRecord {
	var all []hikyaku.AuditRecord
	var head hikyaku.AuditHead
	for i := range n {
		r := (&hikyaku.AuditRecord{
			SchemaVersion: 1, At: time.Date(2026, 11, 22, 23, 59, i%60, i*1000, time.UTC), By: "sato", Op: hikyaku.AuditOps()[i%len(hikyaku.AuditOps())],
			TransferID: "01KDZ", ID: "A-1 <é🚚>", Route: "orders", TaskARN: "arn:task", Count: int64(i), Reason: "1:a,\n\"because\"", Detail: "x=1",
			Origin: hikyaku.OriginCLI,
		}).Sealed(head)
		all, head = append(all, r), r.Head()
	}
	return all
}

func check(all []hikyaku.AuditRecord, head hikyaku.AuditHead, noted string) *hikyaku.AuditBreak {
	c := hikyaku.AuditChain{Noted: noted}
	for i := range all {
		c.Add(&all[i])
	}
	return c.End(head)
}

// flips are all values that differ from a field's by one bit.
func flips(v reflect.Value) []reflect.Value {
	var out []reflect.Value
	switch x := v.Interface().(type) {
	case time.Time:
		for bit := range 63 {
			out = append(out, reflect.ValueOf(time.Unix(0, x.UnixNano()^1<<bit).UTC()))
		}
		return out
	case int, int64:
		for bit := range 63 {
			out = append(out, reflect.ValueOf(v.Int()^1<<bit).Convert(v.Type()))
		}
		return out
	}
	for i := range v.Len() {
		for bit := range 8 {
			b := []byte(v.String())
			b[i] ^= 1 << bit
			out = append(out, reflect.ValueOf(string(b)).Convert(v.Type()))
		}
	}
	return out
}

func TestAuditChain_anyBit(t *testing.T) {
	t.Parallel()
	all := auditLog(4)
	head := all[3].Head()
	if b := check(all, head, ""); b != nil {
		t.Fatal(b)
	}
	tried := 0
	for i := range all {
		for f := range reflect.TypeFor[hikyaku.AuditRecord]().NumField() {
			for _, v := range flips(reflect.ValueOf(all[i]).Field(f)) {
				spoiled := slices.Clone(all)
				reflect.ValueOf(&spoiled[i]).Elem().Field(f).Set(v)
				tried++
				if b := check(spoiled, head, ""); b == nil || b.Seq != int64(i+1) {
					t.Fatalf("record %d, field %d as %v: %v", i+1, f, v, b)
				}
			}
		}
	}
	if tried < 4*1500 {
		t.Errorf("only %d bits were tried", tried)
	}
}

func TestAuditChain_faults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func([]hikyaku.AuditRecord) []hikyaku.AuditRecord
		seq   int64
		fault hikyaku.AuditFault
	}{
		"changed":     {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord { a[4].By = "mori"; return a }, 5, hikyaku.AuditChanged},
		"unreadable":  {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord { a[4] = hikyaku.AuditRecord{Seq: 5}; return a }, 5, hikyaku.AuditChanged},
		"missing":     {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord { return slices.Delete(a, 4, 5) }, 5, hikyaku.AuditMissing},
		"first gone":  {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord { return a[1:] }, 1, hikyaku.AuditMissing},
		"swapped":     {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord { a[4], a[7] = a[7], a[4]; return a }, 5, hikyaku.AuditReordered},
		"twice":       {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord { return slices.Insert(a, 5, a[4]) }, 6, hikyaku.AuditReordered},
		"end cut off": {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord { return a[:8] }, 9, hikyaku.AuditCutOff},
		"all gone":    {func([]hikyaku.AuditRecord) []hikyaku.AuditRecord { return nil }, 1, hikyaku.AuditCutOff},
		"resealed": {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord {
			a[4].By = "mori"
			a[4].Hash = a[4].Sum()
			return a
		}, 6, hikyaku.AuditRewritten},
		"last resealed": {func(a []hikyaku.AuditRecord) []hikyaku.AuditRecord {
			a[9].By = "mori"
			a[9].Hash = a[9].Sum()
			return a
		}, 10, hikyaku.AuditHeadOff},
	} {
		all := auditLog(10)
		head := all[9].Head()
		if b := check(tt.spoil(all), head, ""); b == nil || b.Seq != tt.seq || b.Fault != tt.fault {
			t.Errorf("%s: got %v, want %d %s", name, b, tt.seq, tt.fault)
		}
	}
	all := auditLog(10)
	if b := check(all, all[8].Head(), ""); b == nil || b.Fault != hikyaku.AuditHeadOff {
		t.Errorf("a head that was put back: %v", b)
	}
	for _, noted := range []string{all[0].Hash, all[9].Hash[:12], hikyaku.AuditGenesis} {
		if b := check(all, all[9].Head(), noted); b != nil {
			t.Errorf("noted %s: %v", noted, b)
		}
	}
	if b := check(all[:5], all[4].Head(), all[5].Hash); b == nil || b.Fault != hikyaku.AuditNoted {
		t.Errorf("cut off with its head, and a hash noted of what is gone: %v", b)
	}
}

// TestAuditChain_outsider runs the program that the documentation has.
func TestAuditChain_outsider(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED, NOT TESTED: python3 is not installed: %v", err)
	}
	program := regexp.MustCompile("(?s)```python\n(.*?)```")
	for _, doc := range []string{"docs/audit.md", "docs/ja/audit.md"} {
		raw, err := os.ReadFile(doc) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		m := program.FindSubmatch(raw)
		if m == nil {
			t.Fatalf("%s has no program", doc)
		}
		run := func(all []hikyaku.AuditRecord) (string, error) {
			var in bytes.Buffer
			for _, r := range all {
				if err := json.NewEncoder(&in).Encode(r); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), python, "-c", string(m[1])) //nolint:gosec // from our own documentation
			cmd.Stdin = &in
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		all := auditLog(40)
		if out, err := run(all); err != nil || !strings.Contains(out, "40 records, unbroken, head "+all[39].Hash) {
			t.Errorf("%s: %s, %v", doc, out, err)
		}
		all[22].Reason += " "
		if out, err := run(all); err == nil || !strings.Contains(out, "23") {
			t.Errorf("%s: a changed record is not found: %s", doc, out)
		}
	}
}
