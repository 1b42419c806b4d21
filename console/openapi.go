package console

import (
	_ "embed"
	"log/slog"
	"net/http"

	"github.com/goccy/go-yaml"
)

//go:embed openapi.yaml
var openAPIYAML []byte

// openAPIJSON converts the embedded document, which a test holds valid.
func openAPIJSON() []byte {
	b, err := yaml.YAMLToJSON(openAPIYAML)
	if err != nil {
		panic("console: embedded openapi.yaml: " + err.Error())
	}
	return b
}

func (c *Console) openAPIDocument(w http.ResponseWriter, r *http.Request) {
	c.document(w, r, "application/json; charset=utf-8", c.openAPI) //nolint:contextcheck // the request carries it
}

func (c *Console) openAPISource(w http.ResponseWriter, r *http.Request) {
	c.document(w, r, "application/yaml; charset=utf-8", openAPIYAML) //nolint:contextcheck // the request carries it
}

func (c *Console) document(w http.ResponseWriter, r *http.Request, contentType string, doc []byte) {
	r, err := c.allow(r, ScopeViewer)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", contentType)
	if _, err := w.Write(doc); err != nil {
		c.log.DebugContext(r.Context(), "client went away", slog.Any("error", err))
	}
}
