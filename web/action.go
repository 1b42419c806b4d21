package web

import (
	"maps"
	"net/url"
	"strings"
)

// Action is a form with one button: what changes something is always a POST,
// and asks first.
type Action struct {
	Action, Label, Question, Class string
	// Denied says why the person may not do it; empty if they may.
	Denied string
	Fields []Field
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

func (p *Page) action(path, key, subject, class string, fields ...Field) Action {
	if p.Path != "" {
		fields = append(fields, Field{"back", p.With("", "")})
	}
	return Action{
		Action: path, Label: p.T("do_" + key), Question: p.T("ask_"+key, subject), Class: class, Fields: fields,
		Denied: p.Denied(),
	}
}

// Denied says why the person may not act; empty if they may.
func (p *Page) Denied() string {
	switch {
	case p.ReadOnly:
		return p.T("denied_readonly")
	case !p.CanAct:
		return p.T("denied")
	}
	return ""
}

// DeniedAdmin says why the person may not change what routes and tasks may use.
func (p *Page) DeniedAdmin() string {
	switch {
	case p.ReadOnly:
		return p.T("denied_readonly")
	case !p.CanAdmin:
		return p.T("denied_admin")
	}
	return ""
}

// forAdmin is an action that operators may not do.
func (p *Page) forAdmin(a Action) Action {
	a.Denied = p.DeniedAdmin()
	return a
}

// Action is rerun, force (rerun of what succeeded) or cancel.
func (p *Page) Action(name string, r Row) Action {
	path := "/transfers/" + url.PathEscape(r.TransferID) + "/"
	switch name {
	case "force":
		return p.action(path+"rerun", name, r.ID, "", Field{"force", "true"})
	case "cancel":
		return p.action(path+name, name, r.ID, "danger")
	}
	return p.action(path+name, name, r.ID, "primary")
}

// DeadLetterAction is redrive or discard.
func (p *Page) DeadLetterAction(name string, r Row) Action {
	class := "primary"
	if name == "discard" {
		class = "danger"
	}
	return p.action("/dlq/"+name, name, r.ID, class, Field{"transfer_id", r.TransferID})
}

// RedriveAll sends every dead letter round again.
func (p *Page) RedriveAll() Action {
	return p.action("/dlq/redrive", "redrive_all", "", "primary", Field{"all", "true"})
}

// RouteAction is pause or resume.
func (p *Page) RouteAction(name, route string) Action {
	return p.action("/routes/"+url.PathEscape(route)+"/"+name, name, route, "")
}

// TaskAction is bench or unbench.
func (p *Page) TaskAction(name, arn string) Action {
	return p.forAdmin(p.action("/tasks/"+name, name, arn, "", Field{"task_arn", arn}))
}

// RouteLink is the list of a route's transfers.
func (p *Page) RouteLink(name string) string {
	return "/transfers?" + url.Values{"route": {name}}.Encode()
}

// CodeAction works on every dead letter of one code.
func (p *Page) CodeAction(path, name, code, class string) Action {
	return p.action(path, name, code, class, Field{"code", code})
}

// RerunLike reruns everything that failed with a code.
func (p *Page) RerunLike(code string, count string) Action {
	a := p.action("/transfers/bulk", "rerun", code+" ("+count+")", "primary",
		Field{"do", "rerun"}, Field{"all", "true"}, Field{"error", code}, Field{"state", "FAILED"})
	return a
}

// LimitAction changes a route's bandwidth.
func (p *Page) LimitAction(route string) Action {
	return p.forAdmin(p.action("/routes/"+url.PathEscape(route)+"/limit", "limit", route, ""))
}

// NotifyAction sends a completion event again.
func (p *Page) NotifyAction(r Row, n Notice) Action {
	return p.action("/transfers/"+url.PathEscape(r.TransferID)+"/notify", "notify", r.ID+" → "+n.Target, "",
		Field{"event", n.Event}, Field{"target", n.Target})
}

// ResendAction sends an edited message.
func (p *Page) ResendAction(r Row) Action {
	return p.action("/dlq/resend", "resend", r.ID, "primary", Field{"transfer_id", r.TransferID})
}

// LangLink is this page in the other language.
func (p *Page) LangLink() string {
	q := url.Values{}
	maps.Copy(q, p.Query)
	q.Set("lang", string(p.Other()))
	return p.Path + "?" + q.Encode()
}

type sideView struct {
	*Page
	Side *Side
}

// SideView joins the summary with the page.
func (p *Page) SideView(s *Side) any { return sideView{p, s} }

// Name is what the button is called aloud: the question, which says of what,
// with the label before it unless the question says it.
func (a Action) Name() string {
	if strings.Contains(strings.ToLower(a.Question), strings.ToLower(a.Label)) {
		return a.Question
	}
	return a.Label + ": " + a.Question
}

// Asks is the question where the button's name is not it: lists are long.
func (a Action) Asks() string {
	if a.Denied == "" && a.Name() == a.Question {
		return ""
	}
	return a.Question
}
