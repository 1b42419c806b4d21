package lambda_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/lambda"
)

// TestMeter_Flush holds every line against CloudWatch's specification of the
// embedded metric format.
func TestMeter_Flush(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	at := time.Date(2026, 11, 22, 12, 0, 0, 5e6, time.UTC)
	m := lambda.NewMeter(lambda.MeterOptions{Stack: "st", Route: strings.Repeat("r", 2000), Out: &out, Now: func() time.Time { return at }})
	for _, metric := range lambda.Metrics() {
		if metric.ByCode {
			m.Add(metric.Name, "HKY-1001", 2)
			m.Add(metric.Name, "HKY-1002", 1)
		} else {
			m.Set(metric.Name, 7)
		}
	}
	for i := range 150 {
		m.Observe(lambda.MetricAssignLatency, float64(i))
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want one without a code and one for each code", n)
	}
	for line := range strings.Lines(out.String()) {
		if err := checkEMF([]byte(line), at); err != nil {
			t.Errorf("%v in %s", err, line)
		}
	}
	out.Reset()
	if err := m.Flush(); err != nil || out.Len() != 0 {
		t.Errorf("after a flush there is %q, %v", out.String(), err)
	}
}

// checkEMF is the specification: metadata, limits, and that every dimension
// and metric that is declared is a member of the root.
func checkEMF(line []byte, at time.Time) error {
	var root map[string]json.RawMessage
	if err := json.Unmarshal(line, &root); err != nil {
		return err
	}
	if len(line) > 1<<20 {
		return fmt.Errorf("%d bytes", len(line))
	}
	var meta struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(root["_aws"], &meta); err != nil { //nolint:musttag // Amazon's names are Go's
		return err
	}
	if meta.Timestamp != at.UnixMilli() || len(meta.CloudWatchMetrics) != 1 {
		return fmt.Errorf("metadata %s", root["_aws"])
	}
	units := map[string]bool{"Seconds": true, "Milliseconds": true, "Bytes": true, "Count": true}
	directive := meta.CloudWatchMetrics[0]
	if directive.Namespace == "" || len(directive.Namespace) > 1024 || len(directive.Metrics) == 0 || len(directive.Metrics) > 100 || len(directive.Dimensions) == 0 {
		return fmt.Errorf("directive %+v", directive)
	}
	for _, set := range directive.Dimensions {
		if len(set) > 30 {
			return fmt.Errorf("%d dimensions", len(set))
		}
		for _, name := range set {
			var value string
			if err := json.Unmarshal(root[name], &value); err != nil || value == "" || len(value) > 1024 {
				return fmt.Errorf("dimension %s = %s", name, root[name])
			}
		}
	}
	for _, metric := range directive.Metrics {
		var one float64
		var many []float64
		if json.Unmarshal(root[metric.Name], &one) != nil && (json.Unmarshal(root[metric.Name], &many) != nil || len(many) == 0 || len(many) > 100) {
			return fmt.Errorf("metric %s = %s", metric.Name, root[metric.Name])
		}
		if metric.Name == "" || len(metric.Name) > 1024 || !units[metric.Unit] {
			return fmt.Errorf("metric %+v", metric)
		}
	}
	return nil
}
