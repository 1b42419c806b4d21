package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku/console"
)

// joinFields writes an event's detail as name=value, names in order; what is
// empty is left out.
func joinFields(fields map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch v := fields[name].(type) {
		case nil:
		case string:
			if v != "" {
				parts = append(parts, name+"="+fieldText(v))
			}
		case bool:
			if v {
				parts = append(parts, name)
			}
		case json.Number:
			if v != "0" {
				parts = append(parts, name+"="+v.String())
			}
		case map[string]any:
			if inner := joinFields(v); inner != "" {
				parts = append(parts, name+"{"+inner+"}")
			}
		default:
			if b, err := json.Marshal(v); err == nil && string(b) != "[]" {
				parts = append(parts, name+"="+oneLine(string(b)))
			}
		}
	}
	return strings.Join(parts, " ")
}

func fieldText(s string) string {
	if strings.ContainsAny(s, " \t\n=") {
		return fmt.Sprintf("%q", s)
	}
	return console.Printable(s)
}
