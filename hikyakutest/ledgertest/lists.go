package ledgertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
)

func testListFilters(s suite) {
	t := s.t
	dead := func(d hikyaku.DeadLetterState) func(*hikyaku.Transfer) {
		return func(t *hikyaku.Transfer) { t.DeadLetter = d }
	}
	s.add(t, // not in order
		queued(4, onRoute("invoices"), in(hikyaku.Failed), failing("HKY-2", "disk full"), dead(hikyaku.DeadLetterSent)),
		queued(1, withID("A")), queued(3, withID("A"), in(hikyaku.Succeeded)),
		queued(2, in(hikyaku.Failed), failing("HKY-1", "gone"), dead(hikyaku.DeadLetterOwed)),
		queued(6, in(hikyaku.Running), failing("HKY-1", "last attempt")), queued(5, onRoute(""), in(hikyaku.Rejected), failing("HKY-3", "poison")))
	for _, c := range []struct {
		query hikyaku.Query
		want  []int
	}{
		{hikyaku.Query{}, []int{6, 5, 4, 3, 2, 1}},
		{hikyaku.Query{ID: "A"}, []int{3, 1}},
		{hikyaku.Query{ID: "a"}, nil},
		{hikyaku.Query{ID: "A", States: []hikyaku.State{hikyaku.Succeeded}}, []int{3}},
		{hikyaku.Query{ID: "A", Route: "invoices"}, nil},
		{hikyaku.Query{States: []hikyaku.State{hikyaku.Failed}}, []int{4, 2}},
		{hikyaku.Query{States: []hikyaku.State{hikyaku.Failed, hikyaku.Queued}}, []int{4, 2, 1}},
		{hikyaku.Query{States: []hikyaku.State{hikyaku.Cancelled}}, nil},
		{hikyaku.Query{Route: "orders"}, []int{6, 3, 2, 1}},
		{hikyaku.Query{Route: "none"}, nil},
		{hikyaku.Query{Route: "invoices", States: []hikyaku.State{hikyaku.Failed}}, []int{4}},
		{hikyaku.Query{Code: "HKY-1"}, []int{6, 2}},
		{hikyaku.Query{Code: "HKY-1", States: []hikyaku.State{hikyaku.Failed}}, []int{2}},
		{hikyaku.Query{Code: "HKY-1", Route: "invoices"}, nil},
		{hikyaku.Query{ID: "A-2", Code: "HKY-1"}, []int{2}},
		{hikyaku.Query{ID: "A-2", Code: "HKY-2"}, nil},
		{hikyaku.Query{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterSent}}, []int{4}},
		{hikyaku.Query{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterSent, hikyaku.DeadLetterOwed}}, []int{4, 2}},
		{hikyaku.Query{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterOwed}, Code: "HKY-2"}, nil},
		{hikyaku.Query{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterSent}, ID: "A-2"}, nil},
		{hikyaku.Query{Since: at(4)}, []int{6, 5, 4}},
		{hikyaku.Query{Since: at(4).Add(1)}, []int{6, 5}},
		{hikyaku.Query{Until: at(4)}, []int{3, 2, 1}},
		{hikyaku.Query{Until: at(4).Add(1)}, []int{4, 3, 2, 1}},
		{hikyaku.Query{Since: at(2), Until: at(5)}, []int{4, 3, 2}},
		{hikyaku.Query{Since: at(5), Until: at(2)}, nil},
		{hikyaku.Query{States: []hikyaku.State{hikyaku.Failed}, Since: at(3)}, []int{4}},
		{hikyaku.Query{Code: "HKY-1", Until: at(6)}, []int{2}},
		{hikyaku.Query{ID: "A", Until: at(3)}, []int{1}},
	} {
		s.listsN(t, c.query, c.want...)
	}
}

// listsN is lists for transfers by number.
func (s suite) listsN(t *testing.T, q hikyaku.Query, want ...int) {
	t.Helper()
	names := make([]string, len(want))
	for i, n := range want {
		names[i] = transferID(n)
	}
	s.lists(t, q, names...)
}

// testListText asks for prefixes of IDs, which every ledger finds. What
// matches elsewhere by substring is found where the ledger can.
func testListText(s suite) {
	t := s.t
	s.add(t, queued(1, withID("order-1")), queued(2, withID("order-2"), in(hikyaku.Failed), failing("HKY-1", "order-1 was here")),
		queued(3, withID("invoice%_1")), queued(4, withID("order-10"), onRoute("invoices")))
	s.listsN(t, hikyaku.Query{Text: "order-2"}, 2)
	s.listsN(t, hikyaku.Query{Text: "invoice%"}, 3)
	s.listsN(t, hikyaku.Query{Text: "invoice_"})
	s.listsN(t, hikyaku.Query{Text: "order", Route: "orders"}, 2, 1)
	s.listsN(t, hikyaku.Query{Text: "order", States: []hikyaku.State{hikyaku.Failed}}, 2)
	s.listsN(t, hikyaku.Query{Text: "order", Until: at(4)}, 2, 1)
	s.listsN(t, hikyaku.Query{Text: "order", Code: "HKY-1"}, 2)
	s.listsN(t, hikyaku.Query{Text: "order", ID: "order-1"}, 1)
	s.listsN(t, hikyaku.Query{Text: "nothing like it"})
}

func testListPages(s suite) {
	t := s.t
	const n = 23
	for i := range n {
		s.add(t, queued(i, withID(fmt.Sprintf("P-%d", i%2))))
	}
	for _, q := range []hikyaku.Query{
		{},
		{Route: "orders"},
		{States: []hikyaku.State{hikyaku.Queued}},
		{ID: "P-1"},
		{Text: "P-"},
		{States: []hikyaku.State{hikyaku.Queued, hikyaku.Running}, Route: "orders", Since: at(2)},
	} {
		var want []string
		eventually(t, func() error {
			big := q
			big.Limit = 100
			list, err := s.all(t.Context(), big)
			want = ids(list)
			if err == nil && len(want) < n/2 {
				err = fmt.Errorf("query %+v lists %d transfers", q, len(want))
			}
			return err
		})
		for _, limit := range []int{1, 5, 11, n, 0} {
			q.Limit = limit
			list, err := s.all(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("query %+v in pages", q), ids(list), want)
		}
	}
	if _, err := s.Transfers(t.Context(), hikyaku.Query{Token: "not a token"}); hikyaku.KindOf(err) != hikyaku.KindInvalid {
		t.Errorf("a made-up token: got %v, want kind invalid", err)
	}
}

// testListPagesWhileInserting adds newer transfers between pages: what was
// there when paging began comes exactly once, and nothing newer.
func testListPagesWhileInserting(s suite) {
	t := s.t
	const n = 12
	var want []string
	for i := range n {
		s.add(t, queued(i))
		want = append(want, transferID(i))
	}
	slices.Reverse(want)
	s.lists(t, hikyaku.Query{}, want...)
	q := hikyaku.Query{Route: "orders", Limit: 5}
	var got []string
	for next := n; ; next++ {
		page, err := s.Transfers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(page.Transfers)...)
		if q.Token = page.NextToken; q.Token == "" {
			break
		}
		s.add(t, queued(next))
	}
	same(t, "pages while inserting", got, want)
}

func testListLimits(s suite) {
	t := s.t
	same(t, "empty ledger", func() int {
		page, err := s.Transfers(t.Context(), hikyaku.Query{})
		if err != nil || page.NextToken != "" {
			t.Errorf("got token %q, %v; want none", page.NextToken, err)
		}
		return len(page.Transfers)
	}(), 0)
	for i := range 55 {
		s.add(t, queued(i))
	}
	eventually(t, func() error {
		for limit, want := range map[int]int{0: 50, 3: 3, 1000: 55, 5000: 55} {
			page, err := s.Transfers(t.Context(), hikyaku.Query{Limit: limit})
			if err != nil {
				return err
			}
			if len(page.Transfers) != want || (page.NextToken == "") != (want == 55) {
				return fmt.Errorf("limit %d: got %d transfers and token %q, want %d", limit, len(page.Transfers), page.NextToken, want)
			}
		}
		return nil
	})
}

// testListFollowsChanges moves a transfer through states, routes and codes.
func testListFollowsChanges(s suite) {
	t := s.t
	tr := queued(1, onRoute(""), in(hikyaku.Rejected), failing("HKY-1", "poison"))
	tr.DeadLetter = hikyaku.DeadLetterSent
	s.add(t, tr)
	s.listsN(t, hikyaku.Query{Code: "HKY-1"}, 1)
	in(hikyaku.Queued)(tr)
	tr.Route, tr.Failure, tr.DeadLetter, tr.EndedAt = "orders", nil, hikyaku.DeadLetterRedriven, time.Time{}
	s.add(t, tr)
	s.listsN(t, hikyaku.Query{Code: "HKY-1"})
	s.listsN(t, hikyaku.Query{States: []hikyaku.State{hikyaku.Rejected}})
	s.listsN(t, hikyaku.Query{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterSent}})
	s.listsN(t, hikyaku.Query{Route: "orders", States: []hikyaku.State{hikyaku.Queued}}, 1)
	tr.ExecutionARN = "arn:execution-17"
	in(hikyaku.Running)(tr)
	s.add(t, tr)
	s.listsN(t, hikyaku.Query{States: []hikyaku.State{hikyaku.Queued}})
	s.listsN(t, hikyaku.Query{States: []hikyaku.State{hikyaku.Running}, Text: "A-1"}, 1)
}
