package lambda

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Limits of CloudWatch's embedded metric format.
const (
	emfMaxMetrics   = 100
	emfMaxValues    = 100
	emfMaxDimension = 1024
)

// emf is one line of the embedded metric format: CloudWatch Logs makes metrics
// of it, without a call or a permission.
type emf struct {
	at         time.Time
	namespace  string
	dimensions []emfDimension // in order; the one set that all metrics have
	metrics    map[string]emfMetric
}

type emfDimension struct{ name, value string }

// emfMetric is one metric: several values are a distribution.
type emfMetric struct {
	unit   string
	values []float64
}

type emfDefinition struct {
	Name string `json:"Name"` //nolint:tagliatelle // CloudWatch's name
	Unit string `json:"Unit"` //nolint:tagliatelle // CloudWatch's name
}

type emfDirective struct {
	Namespace  string          `json:"Namespace"`  //nolint:tagliatelle // CloudWatch's name
	Dimensions [][]string      `json:"Dimensions"` //nolint:tagliatelle // CloudWatch's name
	Metrics    []emfDefinition `json:"Metrics"`    //nolint:tagliatelle // CloudWatch's name
}

type emfMetadata struct {
	Timestamp         int64          `json:"Timestamp"`         //nolint:tagliatelle // CloudWatch's name
	CloudWatchMetrics []emfDirective `json:"CloudWatchMetrics"` //nolint:tagliatelle // CloudWatch's name
}

// encode writes the line, with its newline. Values beyond what the format
// takes are left out: the newest stay.
func (e emf) encode() ([]byte, error) {
	if len(e.metrics) == 0 || len(e.metrics) > emfMaxMetrics {
		return nil, fmt.Errorf("encode metrics: %d in one line", len(e.metrics))
	}
	directive := emfDirective{Namespace: e.namespace, Dimensions: [][]string{{}}}
	root := map[string]any{}
	for _, d := range e.dimensions {
		if d.value == "" { // CloudWatch drops a line whose dimension is empty
			continue
		}
		directive.Dimensions[0] = append(directive.Dimensions[0], d.name)
		root[d.name] = d.value[:min(len(d.value), emfMaxDimension)]
	}
	for _, name := range slices.Sorted(maps.Keys(e.metrics)) {
		m := e.metrics[name]
		directive.Metrics = append(directive.Metrics, emfDefinition{Name: name, Unit: m.unit})
		values := m.values[max(0, len(m.values)-emfMaxValues):]
		if len(values) == 1 {
			root[name] = values[0]
		} else {
			root[name] = values
		}
	}
	root["_aws"] = emfMetadata{Timestamp: e.at.UnixMilli(), CloudWatchMetrics: []emfDirective{directive}}
	line, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("encode metrics: %w", err)
	}
	return append(line, '\n'), nil
}
