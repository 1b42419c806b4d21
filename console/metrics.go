package console

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hikyaku/hikyaku"
)

// metrics are what Prometheus reads. Gauges come from the ledger at scrape
// time; counters count what this process saw end. IDs are never labels.
type metrics struct {
	handler   http.Handler
	ended     *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	files     *prometheus.CounterVec
	durations *prometheus.HistogramVec

	mu     sync.Mutex
	active map[string]struct{} // transfers seen before their end
}

func newMetrics(l hikyaku.Ledger, now func() time.Time, log *slog.Logger, version string) *metrics {
	m := &metrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hikyaku_transfers_ended_total", Help: "Transfers that ended, by route, state and error code.",
		}, []string{"route", "state", "code"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hikyaku_attempts_total", Help: "Attempts made by transfers that ended.",
		}, []string{"route"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hikyaku_transferred_bytes_total", Help: "Bytes transferred by transfers that ended.",
		}, []string{"route"}),
		files: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hikyaku_files_total", Help: "Files of transfers that ended, by what became of them.",
		}, []string{"route", "result"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hikyaku_transfer_duration_seconds", Help: "Time from acceptance to the end.",
			Buckets: prometheus.ExponentialBuckets(0.1, 2.5, 14),
		}, []string{"route", "state"}),
		active: map[string]struct{}{},
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "hikyaku_build_info", Help: "The running version; always 1.",
	}, []string{"version"})
	info.WithLabelValues(version).Set(1)
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.ended, m.attempts, m.bytes, m.files, m.durations, info,
		newLedgerCollector(l, now, log),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return m
}

// observe counts a transfer's end once: when it was seen alive before, or when
// this very change is the one that ended it.
func (m *metrics) observe(t hikyaku.Transfer) {
	m.mu.Lock()
	_, known := m.active[t.TransferID]
	if !t.State.Ended() {
		m.active[t.TransferID] = struct{}{}
		m.mu.Unlock()
		return
	}
	delete(m.active, t.TransferID)
	m.mu.Unlock()
	if !known && !t.UpdatedAt.Equal(t.EndedAt) {
		return
	}
	code := ""
	if t.Failure != nil && t.State != hikyaku.Succeeded {
		code = t.Failure.Code
	}
	m.ended.WithLabelValues(t.Route, string(t.State), code).Inc()
	m.attempts.WithLabelValues(t.Route).Add(float64(t.Attempt))
	m.bytes.WithLabelValues(t.Route).Add(float64(max(t.Bytes.Transferred, 0)))
	for result, n := range map[string]int64{
		"transferred": t.Files.Transferred, "verified": t.Files.Verified,
		"skipped": t.Files.Skipped, "failed": t.Files.Failed,
	} {
		m.files.WithLabelValues(t.Route, result).Add(float64(max(n, 0)))
	}
	if d := t.EndedAt.Sub(t.CreatedAt); d >= 0 {
		m.durations.WithLabelValues(t.Route, string(t.State)).Observe(d.Seconds())
	}
}

// metricsPage needs no token on the machine itself: scrapers there rarely have
// one, and metrics name routes but never IDs. From elsewhere it needs one, and so
// does who names the public host.
func (c *Console) metricsPage(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	if err != nil || ip == nil || !ip.IsLoopback() || !allowedHosts(nil)[hostName(r.Host)] { // a proxy on this machine brings others
		if r, err = c.allow(r, ScopeViewer); err != nil {
			c.fail(w, r, err)
			return
		}
	}
	c.metrics.handler.ServeHTTP(w, r)
}

// ledgerCollector reads the ledger when it is scraped.
type ledgerCollector struct {
	ledger hikyaku.Ledger
	now    func() time.Time
	log    *slog.Logger

	transfers, waiting, oldest, outbox, tasks, agents, up *prometheus.Desc

	owed, owedFailing, owedAge *prometheus.Desc // to targets of completion events
}

const scrapeTimeout = 5 * time.Second

func newLedgerCollector(l hikyaku.Ledger, now func() time.Time, log *slog.Logger) *ledgerCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("hikyaku_"+name, help, labels, nil)
	}
	return &ledgerCollector{
		ledger: l, now: now, log: log,
		transfers:   desc("transfers", "Transfers in the ledger, by route and state.", "route", "state"),
		waiting:     desc("transfers_waiting", "Queued transfers, by route and waiting reason.", "route", "reason"),
		oldest:      desc("oldest_queued_seconds", "Age of the oldest queued transfer, by route.", "route"),
		outbox:      desc("outbox_pending", "Dead letters and completion events not delivered yet."),
		owed:        desc("completion_events_owed", "Completion events not delivered yet, by target.", "target"),
		owedFailing: desc("completion_events_failing", "Completion events last tried in vain, by target.", "target"),
		owedAge:     desc("completion_events_oldest_seconds", "Age of the oldest completion event not delivered yet, by target.", "target"),
		tasks:       desc("pool_tasks", "Tasks of the pool, by route and state.", "route", "state"),
		agents:      desc("agents", "Agents, by whether they are online.", "online"),
		up:          desc("ledger_up", "1 if the ledger could be read."),
	}
}

// Describe names the metrics.
func (c *ledgerCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.transfers, c.waiting, c.oldest, c.outbox, c.owed, c.owedFailing, c.owedAge, c.tasks, c.agents, c.up} {
		ch <- d
	}
}

// Collect reads the ledger.
func (c *ledgerCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	stats, err := c.ledger.Stats(ctx)
	var pool hikyaku.Pool
	if err == nil {
		pool, err = c.ledger.Pool(ctx, "")
	}
	if err != nil {
		c.log.WarnContext(ctx, "scrape ledger", slog.Any("error", err))
		gauge(c.up, 0)
		return
	}
	gauge(c.up, 1)
	for route, counts := range stats.Counts {
		for state, n := range counts {
			gauge(c.transfers, float64(n), route, string(state))
		}
	}
	for route, reasons := range stats.Waiting {
		for reason, n := range reasons {
			gauge(c.waiting, float64(n), route, string(reason))
		}
	}
	for route, at := range stats.OldestQueued {
		gauge(c.oldest, max(c.now().Sub(at).Seconds(), 0), route)
	}
	gauge(c.outbox, float64(stats.OutboxPending))
	for target, o := range stats.Owed {
		gauge(c.owed, float64(o.Events), target)
		gauge(c.owedFailing, float64(o.Failing), target)
		gauge(c.owedAge, max(c.now().Sub(o.Since).Seconds(), 0), target)
	}
	tasks := map[[2]string]int{}
	for _, t := range pool.Tasks {
		tasks[[2]string{t.Route, string(t.State)}]++
	}
	for k, n := range tasks {
		gauge(c.tasks, float64(n), k[0], k[1])
	}
	online := 0
	for _, a := range pool.Agents {
		if a.Online {
			online++
		}
	}
	gauge(c.agents, float64(online), "true")
	gauge(c.agents, float64(len(pool.Agents)-online), "false")
}
