package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/web"
)

// Lang is a language people are spoken to in.
type Lang = web.Lang

// The languages.
const (
	LangEnglish  = web.English
	LangJapanese = web.Japanese
)

// ParseLang reads a language or locale ("ja", "ja_JP.UTF-8").
func ParseLang(s string) (Lang, bool) { return web.ParseLang(s) }

// Printable returns text as it may be shown: as it is when every rune is
// visible and none changes how others look (control characters, ANSI
// sequences, bidirectional overrides, zero-width ones), quoted with escapes
// otherwise.
func Printable(s string) string {
	q := strconv.Quote(s)
	if s == "" || s != strings.TrimSpace(s) || q != `"`+s+`"` {
		return q
	}
	return s
}

// FormatBytes returns a size with binary units: "1.5 MiB".
func FormatBytes(n int64) string {
	if n < 0 {
		return "-" + FormatBytes(-n)
	}
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v := float64(n)
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		v /= 1024
		if v < 1023.95 || u == "PiB" {
			if v < 99.95 {
				return fmt.Sprintf("%.1f %s", v, u)
			}
			return fmt.Sprintf("%.0f %s", v, u)
		}
	}
	return ""
}

// FormatRate returns bytes per second; -1 is unlimited.
func FormatRate(n int64, l Lang) string {
	if n < 0 {
		return word(l, "unlimited")
	}
	return FormatBytes(n) + "/s"
}

// FormatDuration returns a duration with at most two units: "3 min 20 s".
func FormatDuration(d time.Duration, l Lang) string {
	if d < 0 {
		d = 0
	}
	switch {
	case d < time.Second:
		return fmt.Sprintf(word(l, "dur_ms"), d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf(word(l, "dur_s1"), d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf(word(l, "dur_s"), int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf(word(l, "dur_min"), int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf(word(l, "dur_h"), int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf(word(l, "dur_d"), int(d.Hours())/24, int(d.Hours())%24)
}

// ParseRate reads bytes per second: a number, one with a unit ("10MiB",
// "5 MB/s", "800k"), or "unlimited", which is -1.
func ParseRate(s string) (int64, error) {
	t := strings.ToLower(strings.TrimSpace(s))
	if t == "unlimited" || t == "none" || t == "-1" {
		return -1, nil
	}
	t = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(t, "/s"), "ps"))
	i := strings.LastIndexAny(t, "0123456789.") + 1
	n, err := strconv.ParseFloat(t[:i], 64)
	unit, known := rateUnit(strings.TrimSpace(t[i:]))
	if err != nil || !known || n <= 0 || n*unit < 1 || n*unit > 1<<50 {
		return 0, invalid("not a rate: " + Printable(s) + " (like 10MiB, 500KB or unlimited)")
	}
	return int64(n * unit), nil
}

func rateUnit(s string) (float64, bool) {
	switch s {
	case "", "b":
		return 1, true
	case "k", "kib":
		return 1 << 10, true
	case "m", "mib":
		return 1 << 20, true
	case "g", "gib":
		return 1 << 30, true
	case "t", "tib":
		return 1 << 40, true
	case "kb":
		return 1e3, true
	case "mb":
		return 1e6, true
	case "gb":
		return 1e9, true
	case "tb":
		return 1e12, true
	}
	return 0, false
}
