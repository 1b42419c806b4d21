package mover

import "github.com/hikyaku/hikyaku/engine"

// checkFilter refuses a filter value that cannot be carried out: name is
// "Includes" or "Excludes". An empty value is no filter.
func checkFilter(name, value string, include bool) error {
	if _, err := engine.ParseFilter(value, include); err != nil {
		return invalid("Invalid filter in %s: %v.", name, err)
	}
	return nil
}
