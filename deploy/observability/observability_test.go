// Package observability_test holds the Grafana dashboard and the Prometheus
// rules against the metrics that the console really exports.
package observability_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// absent are exported metrics that are deliberately neither on the dashboard
// nor in a rule: a pattern of names, and why.
func absent() map[string]string {
	return map[string]string{
		`go_gc_.*|go_sched_.*|go_info|go_threads`: "for whoever profiles the Go runtime, not for whoever operates the server",
		`go_memstats_.*`:            "parts of the memory; resident memory and heap in use are shown",
		`process_virtual_memory_.*`: "address space, of which Go reserves much and uses little",
	}
}

// foreign are metrics that others export.
func foreign() map[string][]string {
	return map[string][]string{
		"up":                          {},
		"node_filesystem_avail_bytes": {"mountpoint"},
		"node_filesystem_size_bytes":  {"mountpoint"},
	}
}

// exported scrapes a console whose ledger holds one of each: label names by metric.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	f := consoletest.New(t, nil)
	f.Put(t, hikyaku.Transfer{
		TransferID: consoletest.ID(9000), ID: "A-9000", Route: "orders", State: hikyaku.Failed, SchemaVersion: 1, Attempt: 1, MaxAttempts: 3,
		CreatedAt: f.Now, EndedAt: f.Now, UpdatedAt: f.Now, Failure: &hikyaku.Failure{Code: hikyaku.CodeNoSpace, Kind: hikyaku.KindTransient},
	})
	srv := httptest.NewServer(f.Console)
	defer srv.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		text := scrape(t, srv)
		if strings.Contains(text, "\nhikyaku_transfers_ended_total{") {
			return samples(text)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the end of a transfer is not counted:\n%s", text)
		}
	}
}

func scrape(t *testing.T, srv *httptest.Server) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("scrape: %s, %v", res.Status, err)
	}
	return string(b)
}

func samples(text string) map[string][]string {
	found := map[string][]string{}
	line := regexp.MustCompile(`(?m)^([a-z_]+)(?:\{([^}]*)\})? `)
	label := regexp.MustCompile(`([a-z_]+)="`)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		names := found[m[1]]
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(names, l[1]) {
				names = append(names, l[1])
			}
		}
		found[m[1]] = names
	}
	return found
}

// rule and panel are what the files hold, as far as it is looked at.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

type panel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	GridPos     struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	} `json:"gridPos"` //nolint:tagliatelle // Grafana's name
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"` //nolint:tagliatelle // Grafana's name
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(read(t, "alerts.yaml"), &file, yaml.DisallowUnknownField()); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no rules")
	}
	return all
}

func panels(t *testing.T) []panel {
	t.Helper()
	var file struct {
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(read(t, "dashboard.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Panels) == 0 {
		t.Fatal("no panels")
	}
	return file.Panels
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMetrics_exist: what dashboard and rules ask for is exported under these
// names and labels, and what is exported is asked for.
func TestMetrics_exist(t *testing.T) {
	t.Parallel()
	have, used := exported(t), map[string]bool{}
	check := func(where, expr string) {
		q, err := parse(expr)
		if err != nil {
			t.Errorf("%s: %v: %s", where, err, expr)
			return
		}
		labels := []string{"instance", "job", "le"}
		for _, s := range q.selectors {
			used[s.metric] = true
			names, ok := have[s.metric]
			if other, theirs := foreign()[s.metric]; theirs {
				names, ok = other, true
			}
			if !ok {
				t.Errorf("%s: nobody exports %s", where, s.metric)
			}
			labels = append(labels, names...)
			for l, value := range s.matchers {
				if l != "instance" && l != "job" && !slices.Contains(names, l) {
					t.Errorf("%s: %s has no label %s", where, s.metric, l)
				}
				checkValue(t, where, s.metric, l, value)
			}
		}
		for _, l := range q.grouping {
			if !slices.Contains(labels, l) {
				t.Errorf("%s: grouped by %s, which none of its metrics has", where, l)
			}
		}
	}
	for _, r := range rules(t) {
		check(r.Alert, r.Expr)
	}
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
		}
	}
	for name := range have {
		deliberate := false
		for pattern := range absent() {
			deliberate = deliberate || regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(name)
		}
		if !used[name] && !deliberate {
			t.Errorf("%s is exported, but neither shown nor listed as absent", name)
		}
	}
}

// checkValue fails for a state or reason that there is not.
func checkValue(t *testing.T, where, metric, label, value string) {
	t.Helper()
	known := map[string]string{
		"hikyaku_transfers state":             "QUEUED STARTING RUNNING SUCCEEDED FAILED CANCELLED REJECTED",
		"hikyaku_transfers_ended_total state": "SUCCEEDED FAILED CANCELLED REJECTED",
		"hikyaku_pool_tasks state":            strings.Join([]string{string(hikyaku.Idle), string(hikyaku.Leased), string(hikyaku.Benched), string(hikyaku.Draining)}, " "),
		"hikyaku_transfers_waiting reason":    string(hikyaku.RoutePaused),
		"hikyaku_agents online":               "true false",
	}
	values, ok := known[metric+" "+label]
	if !ok {
		return
	}
	for v := range strings.SplitSeq(value, "|") {
		if !slices.Contains(strings.Fields(values), v) {
			t.Errorf("%s: %s never has %s=%q", where, metric, label, v)
		}
	}
}

// TestDashboard_saysWhatItShows: every panel has a unit and a description, an
// ID and a place of its own.
func TestDashboard_saysWhatItShows(t *testing.T) {
	t.Parallel()
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range panels(t) {
		if p.ID == 0 || ids[p.ID] || p.Title == "" {
			t.Errorf("panel %q has ID %d, which is no or another's", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q lies on %q, or outside", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("%q: description %q, unit %q, %d queries", p.Title, p.Description, p.FieldConfig.Defaults.Unit, len(p.Targets))
		}
	}
}

// TestRules_areInTheRunbook: every alert says how bad it is and what it means,
// and the runbook has a section for it, and none for others.
func TestRules_areInTheRunbook(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, r := range rules(t) {
		if names[r.Alert] || !slices.Contains([]string{"info", "warning", "critical"}, r.Labels["severity"]) {
			t.Errorf("%q: a second one, or severity %q", r.Alert, r.Labels["severity"])
		}
		names[r.Alert] = true
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s does not say what it means", r.Alert)
		}
		if r.For != "" && !regexp.MustCompile(`^\d+[mh]$`).MatchString(r.For) {
			t.Errorf("%s: for %s", r.Alert, r.For)
		}
	}
	for _, path := range []string{"../../docs/operations.md", "../../docs/ja/operations.md"} {
		sections := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^#### (Hikyaku\w+)\n\n\S`).FindAllSubmatch(read(t, path), -1) {
			sections[string(m[1])] = true
			if !names[string(m[1])] {
				t.Errorf("%s has a section for %s, which is no alert", path, m[1])
			}
		}
		for name := range names {
			if !sections[name] {
				t.Errorf("%s has no section for %s", path, name)
			}
		}
	}
}

func TestParse_refuses(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		"sum(up", "sum(up))", "up{job=}", "up{job}", "summ(up)", "rate(up[5])", "1 > 0", `sum by (job) (up{job="a")}`,
	} {
		if q, err := parse(expr); err == nil {
			t.Errorf("%s is taken for %v", expr, q)
		}
	}
}
