package console

import "encoding/json"

// Operations lists the API's operations as "METHOD path".
func (c *Console) Operations() []string {
	var out []string
	for _, e := range c.endpoints() {
		out = append(out, e.method+" "+e.path)
	}
	return out
}

// Words is the shared catalogue for its test.
func Words() map[string][2]string {
	out := map[string][2]string{}
	for key, p := range words() {
		out[key] = [2]string{p.en, p.ja}
	}
	return out
}

// OpenAPI is the embedded document.
func OpenAPI() []byte { return openAPIYAML }

// Routes are all routes of the console.
func (c *Console) Routes() []Route { return c.routes }

// DetailText is an event's detail in words.
func DetailText(raw json.RawMessage, l Lang) string { return detailText(raw, l) }
