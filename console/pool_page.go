package console

import (
	"bytes"
	"net/http"

	"github.com/hikyaku/hikyaku/web"
)

// poolPage shows routes and tasks, with who holds them.
func (c *Console) poolPage(w http.ResponseWriter, r *http.Request) error {
	stats, pool, err := c.overview(r.Context())
	if err != nil {
		return err
	}
	l := requestLang(r)
	side := c.side(l, stats, pool)
	side.Tasks = c.tasks(l, pool)
	for i, t := range side.Tasks {
		if t.Holder == "" || i >= holdersNamed {
			continue
		}
		if held, err := c.ledger.Ledger.Transfer(r.Context(), t.Holder); err == nil && held.ID != "" { // otherwise its transfer_id tells
			side.Tasks[i].HolderID = printableText(held.ID)
		}
	}
	c.page(w, r, http.StatusOK, "pool", &web.Page{Title: "nav_pool", Section: "pool", Content: side})
	return nil
}

// holdersNamed is for how many tasks the ID of what holds them is read.
const holdersNamed = 100

// sidePart is the summary beside the list, read again by the page.
func (c *Console) sidePart(w http.ResponseWriter, r *http.Request) error {
	stats, pool, err := c.overview(r.Context())
	if err != nil {
		return err
	}
	l := requestLang(r)
	var b bytes.Buffer
	if err := c.site.RenderSide(&b, l, c.side(l, stats, pool)); err != nil {
		return err
	}
	c.html(w, r, http.StatusOK, b.Bytes())
	return nil
}
