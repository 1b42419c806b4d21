package web

import (
	"fmt"
	"net/url"
	"time"
)

// Page is what every page shows; Content is the page's own.
type Page struct {
	Lang Lang
	// Title and Problem are keys of texts; Problem is empty when all is well.
	Title, Problem string
	// Subject is shown in the title, as it is.
	Subject string
	// Section is the entry of the navigation that is current.
	Section string
	// Path and Query are the request's, for links to the same view.
	Path  string
	Query url.Values
	// User is who is signed in; empty on the sign-in page. Role is in words.
	User, Role string
	// CanAct and CanAdmin enable buttons; ReadOnly says that nobody can act here.
	CanAct, CanAdmin, ReadOnly bool
	// SearchHint is the key of the text that says what a search finds.
	SearchHint string
	// Notice says what came of the action before.
	Notice  string
	Version string
	Now     time.Time
	// Alerts say what needs a person, most urgent first.
	Alerts  []Alert
	Content any
}

// Alert is one thing that needs a person.
type Alert struct {
	Text string
	Link string // where to look
}

// T returns a text in the page's language.
func (p *Page) T(key string, args ...any) string {
	s := Text(p.Lang, key)
	if len(args) > 0 {
		return fmt.Sprintf(s, args...)
	}
	return s
}

// Stamp returns a time for a datetime attribute.
func (p *Page) Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Clock returns a time for people: UTC until the script makes it local.
func (p *Page) Clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// With returns the page's own address with one parameter changed, or removed
// when value is empty; paging starts again.
func (p *Page) With(name, value string) string {
	q := url.Values{}
	for k, v := range p.Query {
		if k != "token" && k != "lang" && k != "done" && k != "n" {
			q[k] = v
		}
	}
	q.Del(name)
	if value != "" {
		q.Set(name, value)
	}
	if len(q) == 0 {
		return p.Path
	}
	return p.Path + "?" + q.Encode()
}

// Hidden are the view's conditions besides the search, as fields of its form;
// on other pages a search begins anew.
func (p *Page) Hidden() []Field {
	var out []Field
	if p.Section != "transfers" {
		return out
	}
	for _, name := range []string{"state", "route", "error", "agent", "since", "until", "id", "dead_letter"} {
		for _, v := range p.Query[name] {
			if v != "" {
				out = append(out, Field{name, v})
			}
		}
	}
	return out
}

// Other is the language that the page can be switched to.
func (p *Page) Other() Lang {
	if p.Lang == Japanese {
		return English
	}
	return Japanese
}
