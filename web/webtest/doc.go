// Package webtest finds the keys of texts that sources name, so that tests can
// fail for one that has no text, and for a text that nobody names.
package webtest
