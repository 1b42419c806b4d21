package cli_test

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/cli"
)

// records reads CSV with a head.
func records(t *testing.T, text string) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("not CSV with a head: %v\n%s", err, text)
	}
	var out []map[string]string
	for _, line := range lines[1:] {
		r := map[string]string{}
		for i, name := range lines[0] {
			if _, twice := r[name]; twice || name == "" {
				t.Errorf("column %q is there twice or has no name", name)
			}
			r[name] = line[i]
		}
		out = append(out, r)
	}
	return out
}

func TestOutput_CSVHoldsTheDocument(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	rows := records(t, r.do(t, "transfers", "-o", "csv").out)
	var list struct {
		Transfers []map[string]any `json:"transfers"`
	}
	if err := json.Unmarshal([]byte(r.do(t, "transfers", "-o", "json").out), &list); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(list.Transfers) || len(rows) < 10 {
		t.Fatalf("%d rows, %d transfers", len(rows), len(list.Transfers))
	}
	for i, doc := range list.Transfers {
		for _, name := range []string{"transfer_id", "route", "state", "execution_arn", "created_at"} {
			if rows[i][name] != doc[name] {
				t.Errorf("row %d: %s is %q, want %q", i, name, rows[i][name], doc[name])
			}
		}
		want := ""
		if e, ok := doc["error"].(map[string]any); ok {
			want, _ = e["code"].(string)
		}
		if rows[i]["error.code"] != want {
			t.Errorf("row %d: error.code %q, want %q", i, rows[i]["error.code"], want)
		}
	}
	if rows[0]["files.total"] == "" || rows[0]["durations_ms.total"] == "" {
		t.Errorf("counters are missing: %v", rows[0])
	}
}

// TestOutput_CSVColumns do not depend on what the records hold.
func TestOutput_CSVColumns(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	head := func(args ...string) string {
		got := r.do(t, append(args, "-o", "csv")...)
		if got.code != 0 {
			t.Fatalf("%v: %s", args, got.err)
		}
		line, _, _ := strings.Cut(got.out, "\n")
		return line
	}
	all := head("transfers")
	for _, args := range [][]string{
		{"transfers", "--state", "running"}, {"transfers", "--id", "nobody"}, {"dlq"}, {"transfers", "--error", "HKY-2001"},
	} {
		if got := head(args...); got != all {
			t.Errorf("%v: other columns:\n%s\n%s", args, got, all)
		}
	}
	for want, args := range map[string][]string{
		"task_arn,route,index,state,":        {"pool"},
		"agent_arn,name,":                    {"agents"},
		"name,queue,source,":                 {"route", "list"},
		"schema_version,transfer_id,seq,at,": {"logs", "A-1001"},
		"version,go,platform":                {"version"},
		"id,transfer_id,route,state,outcome,error.code,error.kind,error.message,error.remedy": {"cancel", "A-1004"},
	} {
		if got := head(args...); !strings.HasPrefix(got, want) {
			t.Errorf("%v: columns %s, want %s…", args, got, want)
		}
	}
}

func TestOutput_CSVIsHarmless(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	r.stdin = "=HYPERLINK(1)\n-1+1\nplain\n"
	got := r.do(t, "send", "-", "--route", "images", "-o", "csv")
	var ids []string
	for _, row := range records(t, got.out) {
		ids = append(ids, row["id"])
	}
	if want := []string{"'=HYPERLINK(1)", "'-1+1", "plain"}; !slices.Equal(ids, want) {
		t.Errorf("got %q, want %q\n%s", ids, want, got.err)
	}
	if got := r.do(t, "transfers", "-o", "csv"); strings.ContainsAny(got.out, "\x1b\u202e") {
		t.Errorf("control characters reached the terminal: %q", got.out)
	}
}

func TestOutput_Query(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	for _, tt := range []struct {
		expression, format, want string
	}{
		{"transfers[?id=='A-1001'].state", "json", "[\n  \"RUNNING\"\n]\n"},
		{"transfers[?id=='A-1001'].state | [0]", "table", "RUNNING\n"},
		{"transfers[?id=='A-1001'].{State: state, ID: id, Files: files.total}", "table", "State    ID      Files\nRUNNING  A-1001    480\n"},
		{"transfers[?id=='A-1001'].{State: state, ID: id, Files: files.total}", "csv", "State,ID,Files\nRUNNING,A-1001,480\n"},
		{"transfers[?id=='A-1001'].{State: state, ID: id} | [0]", "json", "{\n  \"State\": \"RUNNING\",\n  \"ID\": \"A-1001\"\n}\n"},
		{"transfers[?id=='A-1001'].[id, state, error]", "table", "A-1001  RUNNING  -\n"},
		{"transfers[?id=='A-1001'].[id, state, error]", "csv", "A-1001,RUNNING,\n"},
		{"transfers[?id=='A-1001'].files | [0]", "table", "total        480\ntransferred  301\nverified     0\nskipped      0\nfailed       0\n"},
		{"transfers[?id=='A-1001'].bytes.total | [0]", "table", "12884901888\n"},
		{"transfers[?id=='nobody'] | [0]", "table", ""},
		{"transfers[?id=='nobody'] | [0]", "json", "null\n"},
		{"transfers[?id=='nobody']", "csv", ""},
		{"transfers[?id=='nobody']", "json", "[]\n"},
		{"avg(transfers[?id=='nobody'].attempt)", "json", "null\n"},
		{"length(transfers[?state=='RUNNING'])", "table", "2\n"},
	} {
		got := r.do(t, "transfers", "-o", tt.format, "--query", tt.expression)
		if got.code != 0 || got.out != tt.want {
			t.Errorf("%s as %s: code %d\ngot  %q\nwant %q\n%s", tt.expression, tt.format, got.code, got.out, tt.want, got.err)
		}
	}
	if got := r.do(t, "pool", "--query", "{n: length(tasks), tasks: tasks[?route=='orders'].{index: index}}"); got.out != "n  4\n\ntasks:\nindex\n    0\n    1\n    2\n    3\n" {
		t.Errorf("got\n%s%s", got.out, got.err)
	}
}

// TestOutput_BadQuery is refused before anything is done.
func TestOutput_BadQuery(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	for _, expression := range []string{"transfers[", "{", "a b", "'"} {
		got := r.do(t, "rerun", "A-0998", "--query", expression)
		if got.code != cli.ExitInvalid || !strings.Contains(got.err, "--query") {
			t.Errorf("%s: code %d, %q", expression, got.code, got.err)
		}
	}
	if calls := r.f.Operator.Calls(); len(calls) != 0 {
		t.Errorf("done all the same: %+v", calls)
	}
	if got := r.do(t, "transfers", "--query", "length(next_token)"); got.code != cli.ExitInvalid {
		t.Errorf("a function of the wrong type: code %d, %q %q", got.code, got.out, got.err)
	}
}

func TestWatch_Records(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	got := r.do(t, "watch", "A-0998", "-o", "csv")
	rows := records(t, got.out)
	if got.code != cli.ExitNotFound || len(rows) != 1 || rows[0]["id"] != "A-0998" || rows[0]["error.code"] != "HKY-2001" {
		t.Errorf("code %d\n%s", got.code, got.out)
	}
	if got := r.do(t, "watch", "A-0998", "-o", "json"); strings.Count(got.out, "\n") != 1 || !json.Valid([]byte(got.out)) {
		t.Errorf("not one record on one line:\n%s", got.out)
	}
	for format, want := range map[string]string{
		"table": "A-0998  FAILED\n", "json": "[\"A-0998\",\"FAILED\"]\n", "csv": "A-0998,FAILED\n",
	} {
		if got := r.do(t, "watch", "A-0998", "-o", format, "--query", "[id, state]"); got.out != want || got.code != cli.ExitNotFound {
			t.Errorf("%s: code %d, got %q, want %q", format, got.code, got.out, want)
		}
	}
	if got := r.do(t, "watch", "A-0998", "--query", "length(attempt)"); got.code != cli.ExitInvalid {
		t.Errorf("a query that does not fit: code %d, %q", got.code, got.err)
	}
}
