package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
)

// TestLoadConfig_Sample holds the sample file against the structs: every key
// it shows is read, and the values mean what its comments say.
func TestLoadConfig_Sample(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(filepath.Join("..", "..", "hikyaku.example.yaml"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := c.routes()
	if len(r) != 1 || r[0].Name != "orders" || r[0].Source != "s3://outbox/orders/" || r[0].Pool != 4 ||
		r[0].Ready.Quiet != 30*time.Second || r[0].KeyPattern != "orders/{id}/*" || r[0].MaxAttempts != 3 {
		t.Errorf("routes: %+v", r)
	}
	if got, want := time.Duration(c.Retention), 90*24*time.Hour; got != want {
		t.Errorf("retention: got %s, want %s", got, want)
	}
	if c.Listen != newConfig("").Listen || c.S3.Endpoint != embedded || c.Queue.URL != embedded {
		t.Errorf("the sample's listen, s3 and queue are not the defaults it claims: %+v", c)
	}
}

// TestLoadConfig_Defaults is what serve does without a config.
func TestLoadConfig_Defaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := loadConfig("", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := hikyaku.Route{
		Name: "default", Queue: "hikyaku", Source: "s3://outbox/", Destination: "file://" + filepath.Join(dir, "delivered"),
		Include: "/{id}/*", Pool: 2, VerifyMode: "ONLY_FILES_TRANSFERRED", TransferMode: "ALL", BytesPerSecond: -1,
		MaxAttempts: 3, Retry: hikyaku.Retry{First: 5 * time.Second, Max: 10 * time.Minute},
	}
	if got := c.routes()[0]; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c.DefaultRoute != "default" {
		t.Errorf("default route: got %q", c.DefaultRoute)
	}
}

// TestLoadConfig_Completions: each mistake about a target is told by its key.
func TestLoadConfig_Completions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret, empty := filepath.Join(dir, "secret"), filepath.Join(dir, "empty")
	for name, text := range map[string]string{secret: "s3cret\n", empty: "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string]string{
		"{}":                                    "completions.a: give it either webhook or queue",
		"{webhook: {url: 'ftp://x/'}}":          "completions.a.webhook.url",
		"{webhook: {url: 'http://10.0.0.1/x'}}": "loopback",
		"{webhook: {url: 'https://x/', secret_file: " + empty + "}}":              "0 bytes",
		"{webhook: {url: 'https://x/', secret_file: " + dir + "/none}}":           "completions.a.webhook.secret_file",
		"{webhook: {url: 'https://x/', headers: {'a b': c}}}":                     `"a b" is no header`,
		"{webhook: {url: 'https://x/', headers: {X-Key: \"a\\nb\"}}}":             "control characters",
		"{webhook: {url: 'https://x/', headers: {hikyaku-state: x}}}":             "set by the server itself",
		"{webhook: {url: 'https://x/', timeout: 5m}}":                             "completions.a.webhook.timeout",
		"{webhook: {url: 'https://x/'}, queue: {name: done}}":                     "either webhook or queue",
		"{webhook: {url: 'https://x/', method: GET}}":                             "method",
		"{queue: {name: hikyaku}}":                                                "IDs come from this queue",
		"{queue: {name: 'a/b'}}":                                                  "not a queue's name",
		"{queue: {}}":                                                             "completions.a.queue",
		"{queue: {url: done}}":                                                    "completions.a.queue.url",
		"{queue: {name: done}, routes: [nope]}":                                   `completions.a.routes: there is no route "nope"`,
		"{webhook: {url: 'https://x/', secret_file: " + secret + "}}":             "",
		"{webhook: {url: 'http://127.0.0.1:1/', timeout: 2s}, routes: [default]}": "",
		"{queue: {name: done}}":                                                   "",
	} {
		file := filepath.Join(t.TempDir(), "hikyaku.yaml")
		if err := os.WriteFile(file, []byte("completions: {a: "+target+"}"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadConfig(file, dir)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || hikyaku.CodeOf(err) != hikyaku.CodeConfigInvalid) {
			t.Errorf("%s: got %v, want %q", target, err, want)
		}
	}
}

// TestLoadConfig_Refuses names the key of what cannot work.
func TestLoadConfig_Refuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"nope: 1":                    "nope",
		"retention: never":           "duration",
		"kept_files: -1":             "kept_files: -1 is not between 0 and 10000",
		"kept_files: 10001":          "kept_files: 10001",
		"default_route: x":           `no route "x"`,
		"queue: {url: http://x/1/q}": "dead_letter_url",
		"routes: {a: {source: s3://outbox/, destination: 'smb://h/s'}}":                    "smb:// locations are not built yet",
		"routes: {a: {source: outbox, destination: 'file:///x'}}":                          "not a location",
		"routes: {a: {source: s3://outbox/, destination: 'file://x'}}":                     "absolute folder",
		"routes: {a: {source: s3://outbox/, destination: 'file:///x', pool: -1}}":          "pool",
		"routes: {a: {source: s3://outbox/, destination: 'file:///x', include: '/{id}*'}}": "include",
		"routes: {a: {source: s3://outbox/, destination: 'file:///x', verify: SOMETIMES}}": "erify",
		"routes: {a: {source: s3://outbox/, destination: 'file:///x', id_pattern: '('}}":   "id_pattern",
		"routes: {a: {source: s3://o/, destination: 'file:///x'}}":                         "bucket",
	} {
		file := filepath.Join(t.TempDir(), "hikyaku.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadConfig(file, "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
		if hikyaku.KindOf(err) != hikyaku.KindInvalid {
			t.Errorf("%s: kind %s, want invalid", text, hikyaku.KindOf(err))
		}
	}
}
