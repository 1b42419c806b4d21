package hikyakutest_test

import (
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(*testing.T) hikyaku.Ledger { return hikyakutest.NewLedger() })
}

func TestLedger_Subscribe(t *testing.T) {
	t.Parallel()
	l := hikyakutest.NewLedger()
	seen := make(chan hikyaku.Transfer, 10)
	stop := l.Subscribe(func(x hikyaku.Transfer) { seen <- x })
	defer stop()
	for version := range int64(3) {
		if err := l.Commit(t.Context(), hikyaku.Change{Transfer: &hikyaku.Transfer{TransferID: "T", Version: version}}); err != nil {
			t.Fatal(err)
		}
	}
	for want := int64(1); want <= 3; want++ {
		if got := <-seen; got.Version != want {
			t.Fatalf("heard of version %d, want %d", got.Version, want)
		}
	}
}

func TestExecutor_Overlaps(t *testing.T) {
	t.Parallel()
	x := hikyakutest.NewExecutor(hikyakutest.NewClock().Now)
	for n := 1; n <= 2; n++ {
		x.AddTask(n)
		if _, err := x.Start(t.Context(), hikyaku.Start{TaskARN: hikyakutest.TaskARN(n), Includes: "/A/*"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(x.Overlaps()) != 1 {
		t.Errorf("overlaps %v, want one", x.Overlaps())
	}
}
