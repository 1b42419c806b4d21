package mover

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxPage is the largest and the default number of entries on a page.
const maxPage = 100

// Page asks for a part of a listing. The zero value is the first page of 100.
type Page struct {
	// Max is the most entries wanted, up to 100; 0 means 100.
	Max int
	// Token is what the page before returned; empty for the first one.
	Token string
}

func (p Page) limit() int {
	if p.Max <= 0 || p.Max > maxPage {
		return maxPage
	}
	return p.Max
}

// after returns the key that the page before ended with.
func (p Page) after(kind string) (string, error) {
	if p.Token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Token)
	key, ok := strings.CutPrefix(string(raw), kind+":")
	if err != nil || !ok || key == "" {
		return "", invalid("Invalid NextToken.")
	}
	return key, nil
}

func (p Page) number(kind string) (int64, error) {
	key, err := p.after(kind)
	if err != nil || key == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil || n <= 0 {
		return 0, invalid("Invalid NextToken.")
	}
	return n, nil
}

func pageToken(kind, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + key))
}

func numberToken(kind string, n int64) string { return pageToken(kind, strconv.FormatInt(n, 10)) }

// cut returns the page of items, which need not be sorted, in ascending order
// of their keys.
func cut[T any](items []T, key func(T) string, kind string, p Page) ([]T, string, error) {
	after, err := p.after(kind)
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	from := 0
	if after != "" {
		from, _ = slices.BinarySearchFunc(items, after, func(t T, k string) int {
			if key(t) > k {
				return 1
			}
			return -1
		})
	}
	items = items[from:]
	if n := p.limit(); len(items) > n {
		return items[:n], pageToken(kind, key(items[n-1])), nil
	}
	return items, "", nil
}

// ListFilter is a filter of ListTasks or ListLocations, in DataSync's words.
// Several filters must all match; of several values one must.
type ListFilter struct {
	Name, Operator string
	Values         []string
}

// textOperator returns how a text operator compares, and whether it holds
// only if it holds for all texts and values (the negative ones).
func textOperator(op string) (match func(text, value string) bool, negative, ok bool) {
	equal := func(a, b string) bool { return a == b }
	switch op {
	case "Equals", "In":
		return equal, false, true
	case "NotEquals":
		return equal, true, true
	case "Contains":
		return strings.Contains, false, true
	case "NotContains":
		return strings.Contains, true, true
	case "BeginsWith":
		return strings.HasPrefix, false, true
	}
	return nil, false, false
}

// matchText applies a filter to the texts an item has under the filter's name.
func (f ListFilter) matchText(texts ...string) bool {
	match, negative, _ := textOperator(f.Operator)
	for _, text := range texts {
		for _, v := range f.Values {
			if match(text, v) {
				return !negative
			}
		}
	}
	return negative
}

// timeOperator returns how an operator compares times.
func timeOperator(op string) (func(order int) bool, bool) {
	switch op {
	case "Equals":
		return func(o int) bool { return o == 0 }, true
	case "NotEquals":
		return func(o int) bool { return o != 0 }, true
	case "LessThan":
		return func(o int) bool { return o < 0 }, true
	case "LessThanOrEqual":
		return func(o int) bool { return o <= 0 }, true
	case "GreaterThan":
		return func(o int) bool { return o > 0 }, true
	case "GreaterThanOrEqual":
		return func(o int) bool { return o >= 0 }, true
	}
	return nil, false
}

// parseFilterTime reads a filter's time, UTC, in the form of the guide's
// example or of its text.
func parseFilterTime(v string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02:15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z", "2006-01-02"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid("Invalid filter value %s: CreationTime must be in the form 2006-01-02 15:04:05 (UTC).", v)
}

func (f ListFilter) matchTime(t time.Time) bool {
	holds, _ := timeOperator(f.Operator)
	for _, v := range f.Values {
		want, err := parseFilterTime(v)
		if err == nil && holds(t.Truncate(time.Second).Compare(want)) {
			return true
		}
	}
	return false
}

// checkFilters refuses filters that make no sense. names are those known.
func checkFilters(filters []ListFilter, names ...string) error {
	for _, f := range filters {
		if !slices.Contains(names, f.Name) {
			return invalid("Invalid filter name %s: must be one of %s.", f.Name, strings.Join(names, ", "))
		}
		if len(f.Values) == 0 {
			return invalid("Filter %s has no values.", f.Name)
		}
		if f.Name != filterCreationTime {
			if _, _, ok := textOperator(f.Operator); !ok {
				return invalid("Operator %s cannot be used with filter %s.", f.Operator, f.Name)
			}
			continue
		}
		if _, ok := timeOperator(f.Operator); !ok {
			return invalid("Operator %s cannot be used with filter %s.", f.Operator, f.Name)
		}
		for _, v := range f.Values {
			if _, err := parseFilterTime(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Names of list filters.
const (
	filterCreationTime = "CreationTime"
	filterLocationID   = "LocationId"
	filterLocationURI  = "LocationUri"
	filterLocationType = "LocationType"
)
