package console

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// liveRow is a `row` event of the page's own stream: the row as the server
// renders it, so that live rows and loaded rows cannot differ.
type liveRow struct {
	TransferID string `json:"transfer_id"`
	// Match tells whether the row belongs to the page's view.
	Match bool   `json:"match"`
	Ended bool   `json:"ended"`
	HTML  string `json:"html"`
}

// rowKey is what rows differ by for those who look at them.
type rowKey struct {
	lang             Lang
	canAct, readOnly bool
}

// rowText is a row in one language and for one role, rendered and encoded once
// for all pages: as an event for those it belongs to, and for the others.
type rowText struct {
	once    sync.Once
	in, out []byte
	err     error
}

func (c *Console) rowText(u *update, p *web.Page) *rowText {
	v, _ := u.rows.LoadOrStore(rowKey{p.Lang, p.CanAct, p.ReadOnly}, &rowText{})
	text, _ := v.(*rowText)
	text.once.Do(func() {
		var b bytes.Buffer
		if text.err = c.site.RenderRow(&b, p, row(u.t, p.Lang, c.now())); text.err != nil {
			return
		}
		r := liveRow{TransferID: u.t.TransferID, Ended: u.t.State.Ended(), HTML: b.String()}
		text.out, text.err = rowEvent(r)
		if r.Match = true; text.err == nil {
			text.in, text.err = rowEvent(r)
		}
	})
	return text
}

func rowEvent(r liveRow) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // nobody but the page's script reads it, as JSON
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return streamEvent("row", bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// liveSnapshot is how many of the newest rows a page's stream starts with: what
// may have changed between loading the page and following it.
const liveSnapshot = defaultLimit

// livePart streams rows for a page. Rows outside its view are sent too if they
// may be on the page already.
func (c *Console) livePart(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	view, err := c.view(r.Context(), v)
	if err != nil {
		return err
	}
	q := view.Query
	page := &web.Page{Lang: requestLang(r)}
	c.rights(page, identityOf(r.Context()))
	near := hikyaku.Query{ID: q.ID, Route: q.Route, Limit: liveSnapshot}
	shown := shownRows{since: c.now(), ids: map[string]struct{}{}}
	// Who watches one transfer wants each of its changes.
	all := v.Get("transfer_id") != ""
	//nolint:contextcheck // what it logs has the request's
	return c.serveStream(w, r, near, matcher(near, v.Get("transfer_id")), func(s *streamWriter, u *update) {
		match := view.has(u.t) && inView(u.t, q, c.byPrefix)
		if !shown.wants(u.t, match, c.now) && !all {
			return
		}
		text := c.rowText(u, page)
		switch {
		case text.err != nil:
			c.log.ErrorContext(r.Context(), "render row", slog.String("transfer_id", u.t.TransferID), slog.Any("error", text.err))
		case match:
			s.raw(text.in)
		default:
			s.raw(text.out)
		}
	})
}

// maxShown is how many rows one page's stream remembers.
const maxShown = 2000

// shownRows knows which transfers may be on a page: those that were there when
// its stream began, and those that the stream told of since.
type shownRows struct {
	since time.Time
	ids   map[string]struct{}
}

// wants tells whether a page wants to hear of t, whose row belongs to its view
// or not.
func (s *shownRows) wants(t hikyaku.Transfer, match bool, now func() time.Time) bool {
	_, told := s.ids[t.TransferID]
	fresh := t.CreatedAt.After(s.since)
	switch {
	case match && fresh && !told:
		if len(s.ids) >= maxShown { // forget them all: whatever was there may be on the page
			clear(s.ids)
			s.since = now()
		} else {
			s.ids[t.TransferID] = struct{}{}
		}
	case !match && told:
		delete(s.ids, t.TransferID)
	}
	return match || told || !fresh
}

// inView tells whether the ledger would find t, which finds texts by prefix or
// anywhere.
func inView(t hikyaku.Transfer, q hikyaku.Query, byPrefix bool) bool {
	if len(q.States) > 0 && !slices.Contains(q.States, t.State) {
		return false
	}
	if len(q.DeadLetters) > 0 && !slices.Contains(q.DeadLetters, t.DeadLetter) {
		return false
	}
	code, message := "", ""
	if t.Failure != nil {
		code, message = t.Failure.Code, t.Failure.Message
	}
	if q.Code != "" && code != q.Code {
		return false
	}
	if q.Text == "" {
		return true
	}
	if byPrefix {
		return strings.HasPrefix(t.ID, q.Text) || t.TransferID == q.Text || t.ExecutionARN == q.Text
	}
	if slices.Contains(q.Executions, lastPart(t.ExecutionARN)) {
		return true
	}
	for _, s := range []string{t.ID, code, message} {
		if strings.Contains(s, q.Text) {
			return true
		}
	}
	return strings.HasPrefix(t.TransferID, q.Text) || t.ExecutionARN == q.Text || strings.HasSuffix(t.ExecutionARN, "/"+q.Text)
}
