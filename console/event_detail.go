package console

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// detailText is an event's detail as "name: value" parts, in words; what is
// empty or zero is left out. An error's remedy is told at the top of the page.
func detailText(raw json.RawMessage, l Lang) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // byte counts are larger than what a float64 holds exactly
	var fields map[string]any
	if d.Decode(&fields) != nil {
		return ""
	}
	return strings.Join(detailParts("", fields, l), " · ")
}

func detailParts(prefix string, fields map[string]any, l Lang) []string {
	var parts []string
	for _, key := range sortedKeys(fields) {
		path := prefix + key
		name := fieldWord(path, l)
		add := func(value string) {
			if value != "" {
				parts = append(parts, name+colon(l)+value)
			}
		}
		switch v := fields[key].(type) {
		case nil:
		case bool:
			if v {
				parts = append(parts, name)
			}
		case string:
			if path != "error.remedy" {
				add(valueWord(path, v, l))
			}
		case json.Number:
			if n, err := v.Int64(); err != nil {
				add(v.String())
			} else if n != 0 {
				add(numberWord(path, n, l))
			}
		case map[string]any:
			parts = append(parts, detailParts(path+".", v, l)...)
		case []any:
			add(listWord(v, path, l))
		}
	}
	return parts
}

func colon(l Lang) string {
	if l == LangJapanese {
		return "："
	}
	return ": "
}

// fieldWord is what a field is called: progress, and what a rerun understood,
// are told as if they were the event's own.
func fieldWord(path string, l Lang) string {
	for _, outer := range []string{"progress.", "understood.", "waiting."} {
		path = strings.TrimPrefix(path, outer)
	}
	return wordOr("field_"+path, path, l)
}

// valueWord is a text of a detail: reasons and states in words, times and ARNs
// short.
func valueWord(path, v string, l Lang) string {
	if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format("2006-01-02 15:04:05Z")
	}
	if strings.HasPrefix(v, "arn:") && strings.Contains(v, "/") {
		return printableText(lastPart(v))
	}
	leaf := path[strings.LastIndexByte(path, '.')+1:]
	switch leaf {
	case "status":
		return printableText(PhaseWord(v, l))
	case "reason", "waiting_reason":
		return printableText(ReasonWord(v, l))
	case "outcome":
		return wordOr("outcome_"+v, v, l)
	case "kind":
		return wordOr("kind_"+v, v, l)
	case "message":
		return printableText(FailureTitle(&hikyaku.Failure{Message: v}, l))
	}
	return printableText(v)
}

// wordOr is a word, or what it would stand for as it is.
func wordOr(key, v string, l Lang) string {
	if s := word(l, key); s != key {
		return s
	}
	return printableText(v)
}

// numberWord is a count, a size or a duration of a detail.
func numberWord(path string, n int64, l Lang) string {
	switch {
	case strings.Contains(path, "durations_ms."):
		return FormatDuration(time.Duration(n)*time.Millisecond, l)
	case strings.HasSuffix(path, "eta_seconds"):
		return FormatDuration(time.Duration(n)*time.Second, l)
	case strings.HasSuffix(path, "throughput_bps"):
		return FormatRate(n, l)
	case strings.Contains("."+path, ".bytes"):
		return FormatBytes(n)
	}
	return numberText(n)
}

func listWord(v []any, path string, l Lang) string {
	var all []string
	for _, e := range v {
		if s, ok := e.(string); ok {
			all = append(all, valueWord(path, s, l))
		} else if b, err := json.Marshal(e); err == nil {
			all = append(all, printableText(string(b)))
		}
	}
	return strings.Join(all, ", ")
}
