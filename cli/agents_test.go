package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func TestAgents(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	pool, err := r.f.Ledger.Pool(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	agent := pool.Agents[0]
	agent.Changes = []hikyaku.AgentChange{{At: r.f.Now.Add(-time.Hour), Online: false}, {At: r.f.Now.Add(-time.Minute), Online: true}}
	carry := func(at time.Time, bytes int64) {
		t.Helper()
		for _, c := range []hikyaku.Change{
			{Agents: []hikyaku.Agent{agent}},
			{TakeSlots: []string{agent.ARN}},
			{FreeSlots: []string{agent.ARN}, Carried: hikyaku.Carried{Day: hikyaku.Day(at), Transfers: 1, Bytes: bytes}},
		} {
			if err := r.f.Ledger.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	info := func() console.AgentInfo {
		t.Helper()
		var list console.AgentList
		if err := json.Unmarshal([]byte(r.do(t, "agents", "-o", "json").out), &list); err != nil || len(list.Agents) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		return list.Agents[0]
	}
	carry(r.f.Now.Add(-24*time.Hour), 1<<30)
	if got := info().Today; got != (hikyaku.Carried{Day: hikyaku.Day(r.f.Now)}) {
		t.Errorf("yesterday is shown as today: %+v", got)
	}
	carry(r.f.Now, 5<<20)
	got := info()
	if got.Today.Transfers != 1 || got.Today.Bytes != 5<<20 || len(got.Changes) != 2 || len(got.Tasks) != 4 || got.Tasks[0].TransferID == "" {
		t.Errorf("got %+v", got)
	}
	out := r.do(t, "agents").out
	for _, want := range []string{"BYTES TODAY", "5.0 MiB", "Last changes\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	_, changes, _ := strings.Cut(out, "Last changes\n")
	if on, off := strings.Index(changes, "online"), strings.Index(changes, "OFFLINE"); on < 0 || off < on {
		t.Errorf("the newest change is not first:\n%s", changes)
	}
}

func TestShow_filesNotKept(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	if got := r.do(t, "show", "A-1001", "--files"); got.code != 0 || !strings.Contains(got.out, "not available") {
		t.Errorf("got %+v", got)
	}
	if got := r.do(t, "show", "A-1001", "--files", "-o", "json"); !strings.Contains(got.out, `"available": false`) {
		t.Errorf("got %s", got.out)
	}
}
