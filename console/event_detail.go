package console

import (
	"bytes"
	"encoding/json"
	"strings"
)

// detailText is an event's detail as "name: value" parts; nested names are
// joined by dots, and what is empty or zero is left out. An error's remedy is
// told at the top of the page.
func detailText(raw json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // byte counts are larger than what a float64 holds exactly
	var fields map[string]any
	if d.Decode(&fields) != nil {
		return ""
	}
	return strings.Join(detailParts("", fields), " · ")
}

func detailParts(prefix string, fields map[string]any) []string {
	var parts []string
	for _, key := range sortedKeys(fields) {
		name := prefix + key
		switch v := fields[key].(type) {
		case nil:
		case bool:
			if v {
				parts = append(parts, printableText(name))
			}
		case string:
			if v != "" && name != "error.remedy" {
				parts = append(parts, printableText(name)+": "+printableText(v))
			}
		case json.Number:
			if v != "0" {
				parts = append(parts, printableText(name)+": "+v.String())
			}
		case map[string]any:
			parts = append(parts, detailParts(name+".", v)...)
		case []any:
			if text, err := json.Marshal(v); err == nil && len(v) > 0 {
				parts = append(parts, printableText(name)+": "+printableText(string(text)))
			}
		}
	}
	return parts
}
