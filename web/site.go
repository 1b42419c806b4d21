package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"path"
	"strings"
)

//go:embed templates/*.html assets/*
var files embed.FS

// Site renders pages and serves their assets. It may be used concurrently.
type Site struct {
	pages  map[string]*template.Template
	assets map[string]asset
}

type asset struct {
	body        []byte
	contentType string
	tag         string // of the content
}

// New parses the embedded templates; it panics if they are broken, which a
// test would have shown.
func New() *Site {
	s := &Site{pages: map[string]*template.Template{}, assets: map[string]asset{}}
	entries, err := files.ReadDir("assets")
	must(err)
	for _, e := range entries {
		b, err := files.ReadFile("assets/" + e.Name())
		must(err)
		sum := sha256.Sum256(b)
		s.assets[e.Name()] = asset{body: b, contentType: contentType(e.Name()), tag: hex.EncodeToString(sum[:6])}
	}
	funcs := template.FuncMap{"asset": s.assetURL}
	base, err := template.New("base").Funcs(funcs).ParseFS(files, "templates/base.html", "templates/parts.html")
	must(err)
	for _, name := range PageNames() {
		t, err := base.Clone()
		must(err)
		_, err = t.ParseFS(files, "templates/"+name+".html")
		must(err)
		s.pages[name] = t
	}
	return s
}

// PageNames lists the pages that Render knows.
func PageNames() []string {
	return []string{
		"signin", "now", "transfers", "transfer", "errors", "deadletters", "pool", "agents", "audit", "done", "problem", "denied",
	}
}

func must(err error) {
	if err != nil {
		panic("web: embedded files: " + err.Error())
	}
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}

func (s *Site) assetURL(name string) (string, error) {
	a, ok := s.assets[name]
	if !ok {
		return "", fmt.Errorf("no asset %s", name)
	}
	return "/assets/" + name + "?v=" + a.tag, nil
}

// Render writes a page; nothing is written when it fails.
func (s *Site) Render(w io.Writer, name string, p *Page) error {
	t, ok := s.pages[name]
	if !ok {
		return fmt.Errorf("render page %s: no such page", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "base", p); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	_, err := b.WriteTo(w)
	return err
}

// RenderRow writes one row of the list of transfers, as the live page inserts it;
// p says for whom.
func (s *Site) RenderRow(w io.Writer, p *Page, row Row) error {
	if err := s.pages["transfers"].ExecuteTemplate(w, "row", p.View(row)); err != nil {
		return fmt.Errorf("render row: %w", err)
	}
	return nil
}

// RenderSide writes the summary beside the list.
func (s *Site) RenderSide(w io.Writer, lang Lang, side *Side) error {
	p := &Page{Lang: lang}
	if err := s.pages["transfers"].ExecuteTemplate(w, "side", p.SideView(side)); err != nil {
		return fmt.Errorf("render side: %w", err)
	}
	return nil
}

// ServeHTTP serves /assets/NAME. An asset asked for by its tag never changes.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s.assets[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("ETag", `"`+a.tag+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.tag {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == `"`+a.tag+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that went away needs no answer
	}
}
