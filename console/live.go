package console

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

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

// rowText is a row in one language and for one role, rendered once for all pages.
type rowText struct {
	once sync.Once
	html string
	err  error
}

func (c *Console) rowHTML(u *update, p *web.Page) (string, error) {
	v, _ := u.rows.LoadOrStore(rowKey{p.Lang, p.CanAct, p.ReadOnly}, &rowText{})
	text, _ := v.(*rowText)
	text.once.Do(func() {
		var b bytes.Buffer
		text.err = c.site.RenderRow(&b, p, row(u.t, p.Lang, c.now()))
		text.html = b.String()
	})
	return text.html, text.err
}

// liveSnapshot is how many of the newest rows a page's stream starts with: what
// may have changed between loading the page and following it.
const liveSnapshot = 50

// livePart streams rows for a page. Rows outside its view are sent too,
// because they may be on the page already.
func (c *Console) livePart(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	view, err := c.view(v)
	if err != nil {
		return err
	}
	q := view.Query
	page := &web.Page{Lang: requestLang(r)}
	c.rights(page, identityOf(r.Context()))
	near := hikyaku.Query{ID: q.ID, Route: q.Route, Limit: liveSnapshot}
	return c.serveStream(w, r, near, matcher(near, v.Get("transfer_id")), func(s *streamWriter, u *update) {
		html, err := c.rowHTML(u, page)
		if err != nil {
			c.log.ErrorContext(r.Context(), "render row", slog.String("transfer_id", u.t.TransferID), slog.Any("error", err))
			return
		}
		b, err := json.Marshal(liveRow{u.t.TransferID, view.has(u.t) && inView(u.t, q, c.byPrefix), u.t.State.Ended(), html})
		if err == nil { // holds strings only
			s.event("row", b)
		}
	})
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
	for _, s := range []string{t.ID, t.TransferID, t.ExecutionARN, code, message} {
		if strings.Contains(strings.ToLower(s), strings.ToLower(q.Text)) {
			return true
		}
	}
	return false
}
