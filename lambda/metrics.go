package lambda

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// Namespace is the CloudWatch namespace of every metric.
const Namespace = "Hikyaku"

// The names of the metrics; Metrics describes them.
const (
	MetricQueued          = "queued"
	MetricRunning         = "running"
	MetricOldestQueuedAge = "oldest_queued_age"
	MetricAccepted        = "accepted"
	MetricRejected        = "rejected"
	MetricSucceeded       = "succeeded"
	MetricFailed          = "failed"
	MetricCancelled       = "cancelled"
	MetricAttemptsFailed  = "attempts_failed"
	MetricBytes           = "bytes"
	MetricLeaseConflicts  = "lease_conflicts"
	MetricAssignLatency   = "assign_latency"
	MetricAgentsOnline    = "agents_online"
	MetricAgentsOffline   = "agents_offline"
	MetricTasksIdle       = "tasks_idle"
	MetricTasksBenched    = "tasks_benched"
	MetricOutboxPending   = "outbox_pending"
	MetricEventsFailing   = "events_failing"
	MetricEventsOldestAge = "events_oldest_age"
)

// Metric describes one metric. All have the dimensions Stack and Route; those
// with ByCode are counted once with these and once with the dimension Code,
// the catalogue's, beside them.
type Metric struct {
	Name, Unit, Doc string
	ByCode          bool
}

// Metrics lists every metric that the functions write.
func Metrics() []Metric {
	return []Metric{
		{Name: MetricQueued, Unit: "Count", Doc: "Transfers in QUEUED, every sweep."},
		{Name: MetricRunning, Unit: "Count", Doc: "Transfers in STARTING and RUNNING, every sweep."},
		{Name: MetricOldestQueuedAge, Unit: "Seconds", Doc: "How long the oldest QUEUED transfer has waited, every sweep; 0 when none waits."},
		{Name: MetricAccepted, Unit: "Count", Doc: "Transfers made of messages and commands."},
		{Name: MetricRejected, Unit: "Count", ByCode: true, Doc: "Messages that were not understood."},
		{Name: MetricSucceeded, Unit: "Count", Doc: "Transfers that ended SUCCEEDED."},
		{Name: MetricFailed, Unit: "Count", ByCode: true, Doc: "Transfers that ended FAILED."},
		{Name: MetricCancelled, Unit: "Count", Doc: "Transfers that ended CANCELLED."},
		{Name: MetricAttemptsFailed, Unit: "Count", ByCode: true, Doc: "Attempts that failed and are followed by another."},
		{Name: MetricBytes, Unit: "Bytes", Doc: "Bytes that DataSync transferred for transfers that succeeded."},
		{Name: MetricLeaseConflicts, Unit: "Count", Doc: "Leases that were not granted because another dispatcher was faster."},
		{Name: MetricAssignLatency, Unit: "Milliseconds", Doc: "From a transfer's last entry into QUEUED to its lease, waiting and back-off included."},
		{Name: MetricAgentsOnline, Unit: "Count", Doc: "Agents of the pool that are online, every sweep and every look at the agents."},
		{Name: MetricAgentsOffline, Unit: "Count", Doc: "Agents of the pool that are offline or gone."},
		{Name: MetricTasksIdle, Unit: "Count", Doc: "Tasks of the pool that are IDLE, every sweep."},
		{Name: MetricTasksBenched, Unit: "Count", Doc: "Tasks of the pool that are BENCHED, every sweep."},
		{Name: MetricOutboxPending, Unit: "Count", Doc: "Dead letters and completion events that are owed, every sweep."},
		{Name: MetricEventsFailing, Unit: "Count", Doc: "Completion events that were last tried in vain, every sweep."},
		{Name: MetricEventsOldestAge, Unit: "Seconds", Doc: "How long the oldest completion event has been owed, every sweep; 0 when none is."},
	}
}

// Meter collects the metrics of one invocation and writes them as lines of the
// embedded metric format. It may be used concurrently; a nil *Meter counts
// nothing.
type Meter struct {
	opts  MeterOptions
	units map[string]Metric

	mu     sync.Mutex
	values map[string]map[string][]float64 // by code ("" for none), by name
	owed   bool
}

// MeterOptions configure a Meter; all are required.
type MeterOptions struct {
	Stack, Route string
	// Out takes whole lines, one write each.
	Out io.Writer
	Now func() time.Time
}

// NewMeter returns an empty meter.
func NewMeter(o MeterOptions) *Meter {
	m := &Meter{opts: o, units: map[string]Metric{}, values: map[string]map[string][]float64{}}
	for _, metric := range Metrics() {
		m.units[metric.Name] = metric
	}
	return m
}

// Add adds to a count, also to that of the code if there is one.
func (m *Meter) Add(name, code string, n float64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	codes := []string{""}
	if code != "" {
		codes = append(codes, code)
	}
	for _, c := range codes {
		set := m.set(c)
		if len(set[name]) == 0 {
			set[name] = []float64{0}
		}
		set[name][0] += n
	}
}

// Set notes a level: the last one of an invocation counts.
func (m *Meter) Set(name string, level float64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set("")[name] = []float64{level}
}

// Observe adds a value to a distribution.
func (m *Meter) Observe(name string, value float64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set("")[name] = append(m.set("")[name], value)
}

// set is the values with one code; m.mu is held.
func (m *Meter) set(code string) map[string][]float64 {
	if m.values[code] == nil {
		m.values[code] = map[string][]float64{}
	}
	return m.values[code]
}

// owe notes that this invocation put something into the outbox.
func (m *Meter) owe() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owed = true
}

// Owed reports whether something was put into the outbox since it was last
// asked. A nil Meter does not know, and says yes.
func (m *Meter) Owed() bool {
	if m == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	owed := m.owed
	m.owed = false
	return owed
}

// Flush writes what was collected, a line for each code, and starts again.
func (m *Meter) Flush() error {
	m.mu.Lock()
	values := m.values
	m.values = map[string]map[string][]float64{}
	m.mu.Unlock()
	var errs []error
	for _, code := range slices.Sorted(maps.Keys(values)) {
		line := emf{at: m.opts.Now(), namespace: Namespace, metrics: map[string]emfMetric{}}
		line.dimensions = []emfDimension{{"Stack", m.opts.Stack}, {"Route", m.opts.Route}, {"Code", code}}
		for name, v := range values[code] {
			line.metrics[name] = emfMetric{unit: m.units[name].Unit, values: v}
		}
		text, err := line.encode()
		if err == nil {
			_, err = m.opts.Out.Write(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("write metrics: %w", err))
		}
	}
	return errors.Join(errs...)
}
