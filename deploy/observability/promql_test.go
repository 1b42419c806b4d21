package observability_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// selector is a metric with the labels its matchers name and the values that
// they compare with.
type selector struct {
	metric   string
	matchers map[string]string
}

// query is what an expression is made of, as far as these tests look at it.
type query struct {
	selectors []selector
	grouping  []string // labels of by (…) and without (…)
}

// The words of PromQL that our expressions use; anything else is a metric.
const (
	functions = " absent changes histogram_quantile increase label_values max min min_over_time rate sum time vector "
	operators = " and or unless offset "
)

// parse reads the subset of PromQL that our rules and panels use. Prometheus'
// own parser would bring its whole module graph into this one's; this is no
// parser of the grammar: it checks brackets, functions, names and labels.
func parse(expr string) (query, error) {
	var q query
	token := regexp.MustCompile(`"[^"]*"|\$?[a-zA-Z_][\w]*|\[[^\]]*\]|\d+(?:\.\d+)?[smhd]?|[=!~<>]+|\S`)
	words := token.FindAllString(expr, -1)
	at := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return words[i]
	}
	var open []string // closing brackets that are awaited; "by)" closes a list of labels
	for i, w := range words {
		inside := ""
		if len(open) > 0 {
			inside = open[len(open)-1]
		}
		switch {
		case w == "(" && (at(i-1) == "by" || at(i-1) == "without"):
			open = append(open, "by)")
		case w == "(":
			open = append(open, ")")
		case w == "{":
			open = append(open, "}")
		case w == ")" || w == "}":
			if inside == "" || !strings.HasSuffix(inside, w) {
				return q, fmt.Errorf("%q closes nothing", w)
			}
			open = open[:len(open)-1]
		case w[0] == '[' && !regexp.MustCompile(`^\[(\d+[smhd]|\$__rate_interval)\]$`).MatchString(w):
			return q, fmt.Errorf("%s is no range", w)
		case !regexp.MustCompile(`^[a-zA-Z_]`).MatchString(w):
		case inside == "}":
			if !slices.Contains([]string{"=", "!=", "=~", "!~"}, at(i+1)) || !strings.HasPrefix(at(i+2), `"`) || len(q.selectors) == 0 {
				return q, fmt.Errorf("%s is no matcher", w)
			}
			q.selectors[len(q.selectors)-1].matchers[w] = strings.Trim(at(i+2), `"`)
		case inside == "by)":
			q.grouping = append(q.grouping, w)
		case w == "by" || w == "without" || strings.Contains(operators, " "+w+" "):
		case at(i+1) == "(" || at(i+1) == "by":
			if !strings.Contains(functions, " "+w+" ") {
				return q, fmt.Errorf("function %s is not known to this test", w)
			}
		default:
			q.selectors = append(q.selectors, selector{w, map[string]string{}})
		}
	}
	if len(open) > 0 {
		return q, fmt.Errorf("%q is not closed", open)
	}
	if len(q.selectors) == 0 {
		return q, errors.New("no metric")
	}
	return q, nil
}
