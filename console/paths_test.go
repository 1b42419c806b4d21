package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/console/consoletest"
)

// IDs that are paths are values of parameters and bodies; in a URL's path,
// where a transfer_id belongs, they are an unknown one and nothing else.
func TestConsole_IDsThatArePaths(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for _, id := range []string{"2026/11", "2026/11/A-1"} {
		got := request{method: "POST", path: "/api/v1/transfers", token: consoletest.AdminToken, body: `{"id":"` + id + `"}`}.do(t, f)
		if got.StatusCode != http.StatusCreated || !strings.Contains(text(t, got), `"`+id+`"`) {
			t.Fatalf("send %s: %d %s", id, got.StatusCode, text(t, got))
		}
	}
	for _, tc := range []struct {
		method, path string
		status       int
		say, not     string
	}{
		{"GET", "/api/v1/transfers?id=2026/11/A-1", 200, `"id":"2026/11/A-1"`, `"id":"2026/11"`},
		{"GET", "/api/v1/transfers?id=2026%2F11", 200, `"id":"2026/11"`, `"id":"2026/11/A-1"`},
		{"GET", "/api/v1/transfers?q=2026%2F11%2F", 200, `"id":"2026/11/A-1"`, `"id":"2026/11"`},
		{"GET", "/transfers?q=2026%2F11", 200, "<bdi>2026/11/A-1</bdi>", ""},
		{"GET", "/api/v1/transfers/2026%2F11%2FA-1", 404, `"kind":"not_found"`, ""},
		{"GET", "/api/v1/transfers/2026%2F11%2FA-1/files", 404, `"kind":"not_found"`, ""},
		{"POST", "/api/v1/transfers/2026%2F11%2FA-1/rerun", 404, `"kind":"not_found"`, ""},
		{"POST", "/api/v1/transfers/2026%2F11%2FA-1/cancel", 404, `"kind":"not_found"`, ""},
		{"GET", "/transfers/2026%2F11%2FA-1", 404, "2026/11/A-1", ""},
	} {
		got := request{method: tc.method, path: tc.path, token: consoletest.AdminToken}.do(t, f)
		compact := strings.ReplaceAll(text(t, got), `": `, `":`)
		if got.StatusCode != tc.status || !strings.Contains(compact, tc.say) || tc.not != "" && strings.Contains(compact, tc.not+",") {
			t.Errorf("%s %s: %d %.600s", tc.method, tc.path, got.StatusCode, compact)
		}
	}
}
