package hikyaku_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
)

func TestRoute_Validate(t *testing.T) {
	t.Parallel()
	good := hikyaku.Route{Name: "orders", Source: "s3://outbox/orders/", Destination: "file:///srv", KeyPattern: "orders/{id}/*"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		spoil func(*hikyaku.Route)
		say   string
	}{
		"name":          {func(r *hikyaku.Route) { r.Name = "a b" }, "name"},
		"source":        {func(r *hikyaku.Route) { r.Source, r.KeyPattern = "", "" }, "source is missing"},
		"destination":   {func(r *hikyaku.Route) { r.Destination = "" }, "destination is missing"},
		"same":          {func(r *hikyaku.Route) { r.Destination = r.Source }, "the same"},
		"include":       {func(r *hikyaku.Route) { r.Include = "/{id}*" }, "A-1 would match A-12"},
		"key_pattern":   {func(r *hikyaku.Route) { r.KeyPattern = "orders/*" }, "must contain {id}"},
		"key_pattern 2": {func(r *hikyaku.Route) { r.Source = "file:///x" }, "needs an s3:// source"},
		"id_pattern":    {func(r *hikyaku.Route) { r.IDPattern = "(" }, "id_pattern"},
		"verify":        {func(r *hikyaku.Route) { r.VerifyMode = "SOME" }, "verify"},
		"transfer_mode": {func(r *hikyaku.Route) { r.TransferMode = "SOME" }, "transfer_mode"},
		"bandwidth":     {func(r *hikyaku.Route) { r.BytesPerSecond = -2 }, "bytes_per_second"},
		"max_attempts":  {func(r *hikyaku.Route) { r.MaxAttempts = -1 }, "max_attempts"},
		"retry":         {func(r *hikyaku.Route) { r.Retry = hikyaku.Retry{First: 2, Max: 1} }, "retry"},
		"pool":          {func(r *hikyaku.Route) { r.Pool = -1 }, "pool"},
		"quiet":         {func(r *hikyaku.Route) { r.Ready.Quiet = -1 }, "quiet"},
		"marker":        {func(r *hikyaku.Route) { r.Ready.Marker = "../x" }, "marker"},
	} {
		r := good
		tc.spoil(&r)
		err := r.Validate()
		if hikyaku.CodeOf(err) != hikyaku.CodeRouteInvalid || !strings.Contains(err.Error(), tc.say) {
			t.Errorf("%s: %v, want it to say %q", name, err, tc.say)
		}
	}
}

func TestRoutes_Resolve(t *testing.T) {
	t.Parallel()
	route := func(name, queue, source, pattern string) hikyaku.Route {
		return hikyaku.Route{Name: name, Queue: queue, Source: source, KeyPattern: pattern}
	}
	orders := route("orders", "q1", "s3://outbox/orders/", "orders/{id}/*")
	bills := route("bills", "q2", "s3://outbox/bills/", "bills/{id}.pdf")
	all := route("all", "", "s3://outbox", "{id}/*")
	event := func(key string) hikyaku.Request {
		return hikyaku.Request{Object: &hikyaku.Object{Bucket: "outbox", Key: key}}
	}
	for name, tc := range map[string]struct {
		routes         []hikyaku.Route
		fallback       string
		queue          string
		request        hikyaku.Request
		want, id, code string
	}{
		"named":              {routes: []hikyaku.Route{orders, bills}, queue: "q2", request: hikyaku.Request{ID: "A", Route: "orders"}, want: "orders", id: "A"},
		"by queue":           {routes: []hikyaku.Route{orders, bills}, queue: "q2", request: hikyaku.Request{ID: "A"}, want: "bills", id: "A"},
		"the only one":       {routes: []hikyaku.Route{orders}, queue: "other", request: hikyaku.Request{ID: "A"}, want: "orders", id: "A"},
		"default":            {routes: []hikyaku.Route{orders, bills}, fallback: "bills", queue: "other", request: hikyaku.Request{ID: "A"}, want: "bills", id: "A"},
		"queue over default": {routes: []hikyaku.Route{orders, bills}, fallback: "bills", queue: "q1", request: hikyaku.Request{ID: "A"}, want: "orders", id: "A"},
		"unknown":            {routes: []hikyaku.Route{orders}, request: hikyaku.Request{ID: "A", Route: "x"}, code: hikyaku.CodeNoRoute},
		"unclear":            {routes: []hikyaku.Route{orders, bills}, request: hikyaku.Request{ID: "A"}, code: hikyaku.CodeRouteUnclear},
		"event":              {routes: []hikyaku.Route{orders, bills}, queue: "q1", request: event("bills/7.pdf"), want: "bills", id: "7"},
		"longest prefix":     {routes: []hikyaku.Route{all, orders}, request: event("orders/A/x"), want: "orders", id: "A"},
		"shorter prefix":     {routes: []hikyaku.Route{all, orders}, request: event("A/x"), want: "all", id: "A"},
		"event of no route":  {routes: []hikyaku.Route{orders, bills}, request: event("else/A/x"), code: hikyaku.CodeKeyNoMatch},
		"event of two":       {routes: []hikyaku.Route{orders, route("twin", "q2", orders.Source, orders.KeyPattern)}, request: event("orders/A/x"), code: hikyaku.CodeRouteUnclear},
		"two, one by queue":  {routes: []hikyaku.Route{orders, route("twin", "q2", orders.Source, orders.KeyPattern)}, queue: "q2", request: event("orders/A/x"), want: "twin", id: "A"},
	} {
		r, q, err := hikyaku.Routes{List: tc.routes, Default: tc.fallback}.Resolve(tc.queue, tc.request)
		if hikyaku.CodeOf(err) != tc.code || r.Name != tc.want || tc.code == "" && q.ID != tc.id {
			t.Errorf("%s: route %q id %q error %v; want %q %q code %q", name, r.Name, q.ID, err, tc.want, tc.id, tc.code)
		}
	}
}

func TestRetry_Delay(t *testing.T) {
	t.Parallel()
	r := hikyaku.Retry{First: time.Second, Max: 10 * time.Second}
	most := func() float64 { return 1 }
	for n, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 1000: 10 * time.Second} {
		if got := r.Delay(n, most); got != want {
			t.Errorf("after %d failures at most %s, want %s", n, got, want)
		}
	}
	if got := r.Delay(3, func() float64 { return 0 }); got != 0 {
		t.Errorf("at least %s, want 0", got)
	}
}
