package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jmespath/go-jmespath"

	"github.com/hikyaku/hikyaku"
)

// query is a JMESPath expression on the JSON of a result.
type query struct {
	expression string
	// named are the keys of the expression's objects, in its order.
	named []string
}

// parseQuery returns nil for an empty expression.
func parseQuery(expression string) (*query, error) {
	if strings.TrimSpace(expression) == "" {
		return nil, nil //nolint:nilnil // no query is no error
	}
	if _, err := jmespath.Compile(expression); err != nil {
		return nil, queryError(err)
	}
	return &query{expression: expression, named: namedKeys(expression)}, nil
}

func queryError(err error) error {
	return &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: "--query: " + strings.TrimPrefix(err.Error(), "SyntaxError: ")}
}

// search applies the query to the JSON of v. JMESPath's numbers are floating
// point: whole ones are exact up to 2^53.
func (q *query) search(v any) (any, error) {
	doc, err := jsonValue(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := appendJSON(&b, doc); err != nil {
		return nil, err
	}
	var data any
	if err := json.Unmarshal(b.Bytes(), &data); err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	found, err := jmespath.Search(q.expression, data)
	if err != nil {
		return nil, queryError(err)
	}
	if f, ok := found.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil, nil //nolint:nilnil // JMESPath's null: the average of nothing
	}
	result, err := jsonValue(found)
	if err != nil {
		return nil, err
	}
	rank := map[string]int{}
	rankNames(doc, rank)
	for i, name := range q.named {
		rank[name] = i - len(q.named)
	}
	return inOrder(result, rank), nil
}

// inOrder puts the members of every object in the order of rank: JMESPath
// forgets theirs.
func inOrder(v any, rank map[string]int) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = inOrder(v[i], rank)
		}
	case object:
		of := func(name string) int {
			if r, ok := rank[name]; ok {
				return r
			}
			return math.MaxInt
		}
		slices.SortStableFunc(v, func(x, y member) int {
			switch rx, ry := of(x.name), of(y.name); {
			case rx < ry:
				return -1
			case rx > ry:
				return 1
			}
			return strings.Compare(x.name, y.name)
		})
		for i := range v {
			v[i].value = inOrder(v[i].value, rank)
		}
	}
	return v
}

// rankNames numbers the names of a document as they come up.
func rankNames(v any, rank map[string]int) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			rankNames(item, rank)
		}
	case object:
		for _, m := range v {
			if _, ok := rank[m.name]; !ok {
				rank[m.name] = len(rank)
			}
			rankNames(m.value, rank)
		}
	}
}

// namedKeys are the keys of an expression's objects ({key: expression}), in
// its order. Texts in quotes of the other two kinds name nothing.
func namedKeys(expression string) []string {
	texts := regexp.MustCompile("'(?:[^'\\\\]|\\\\.)*'|`(?:[^`\\\\]|\\\\.)*`")
	keys := regexp.MustCompile(`[{,]\s*(?:([A-Za-z_]\w*)|("(?:[^"\\]|\\.)*"))\s*:`)
	var out []string
	for _, m := range keys.FindAllStringSubmatch(texts.ReplaceAllString(expression, "''"), -1) {
		name := m[1]
		if unquoted, err := strconv.Unquote(m[2]); err == nil {
			name = unquoted
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
