package web

import (
	"strconv"
	"strings"
)

// Lang is a language people are spoken to in.
type Lang string

// The languages. The zero value is English.
const (
	English  Lang = "en"
	Japanese Lang = "ja"
)

// ParseLang reads a language or locale ("ja", "ja_JP.UTF-8", "en-GB"); ok is
// false for any other language.
func ParseLang(s string) (l Lang, ok bool) {
	s = strings.ToLower(s)
	if i := strings.IndexAny(s, "_-.@"); i >= 0 {
		s = s[:i]
	}
	switch s {
	case "en", "c", "posix":
		return English, true
	case "ja":
		return Japanese, true
	}
	return English, false
}

// AcceptLanguage chooses by a browser's Accept-Language header.
func AcceptLanguage(header string) Lang {
	best, weight := English, -1.0
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		l, ok := ParseLang(name)
		if !ok {
			continue
		}
		q := 1.0
		if v, found := strings.CutPrefix(strings.TrimSpace(params), "q="); found {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			q = n
		}
		if q > weight {
			best, weight = l, q
		}
	}
	return best
}
