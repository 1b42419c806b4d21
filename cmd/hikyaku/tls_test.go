package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/cli"
)

// pair writes a new self-signed certificate and returns a pool that trusts it.
func pair(t *testing.T, dir, name string) (tlsConfig, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := tlsConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{files.CertFile: {Type: "CERTIFICATE", Bytes: der}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return files, pool
}

// started runs the real server on a config and returns its endpoints.
func started(t *testing.T, dir, config string) (cli.Endpoints, *os.Process) {
	t.Helper()
	file := filepath.Join(dir, "hikyaku.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	cmd := exec.Command(builtBinary(t), "serve", "--config", file, "--data", data) //nolint:noctx,gosec // the binary under test; ended below
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve ended: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e, err := waitForEndpoints(ctx, data, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return e, cmd.Process
}

// over returns a client that trusts a pool and keeps cookies, and no connections.
func over(t *testing.T, pool *x509.CertPool, newest uint16) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: newest}, //nolint:gosec // old versions must be refused
	}}
}

// answer is a response without its body.
type answer struct {
	status, major int
	version       uint16 // of TLS
	path          string // after redirects
	header        http.Header
}

func get(ctx context.Context, client *http.Client, address string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	a := answer{status: res.StatusCode, major: res.ProtoMajor, path: res.Request.URL.Path, header: res.Header}
	if res.TLS != nil {
		a.version = res.TLS.Version
	}
	_, err = io.Copy(io.Discard, res.Body)
	return a, err
}

// TestServe_TLS runs the real server with a certificate, which is replaced
// twice while it runs.
func TestServe_TLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, first := pair(t, dir, "first")
	e, process := started(t, dir, fmt.Sprintf(`
listen: {console: "127.0.0.1:0", local: "127.0.0.1:0", api: "127.0.0.1:0", s3: "127.0.0.1:0"}
access:
  tls: {cert_file: %s, key_file: %s}
`, files.CertFile, files.KeyFile))
	if !strings.HasPrefix(e.Public, "https://127.0.0.1:") || !strings.HasPrefix(e.Console, "http://127.0.0.1:") {
		t.Fatalf("public %q, local %q", e.Public, e.Console)
	}
	client := over(t, first, 0)
	res, err := get(t.Context(), client, e.Public+"/login?token="+e.Token)
	if err != nil || res.status != http.StatusOK || res.path != "/" {
		t.Fatalf("sign in: %v, %+v", err, res)
	}
	if res.version < tls.VersionTLS12 || res.major != 2 || res.header.Get("Strict-Transport-Security") != "" {
		t.Errorf("TLS %x, HTTP/%d, HSTS %q", res.version, res.major, res.header.Get("Strict-Transport-Security"))
	}
	at, err := url.Parse(e.Public)
	if err != nil {
		t.Fatal(err)
	}
	if k := client.Jar.Cookies(at); len(k) != 1 || k[0].Name != "__Host-hikyaku_session" {
		t.Errorf("cookies %v", k)
	}
	if res, err := get(t.Context(), over(t, first, tls.VersionTLS11), e.Public+"/healthz"); err == nil {
		t.Errorf("TLS 1.1 was taken: %d", res.status)
	}
	if res, err := get(t.Context(), http.DefaultClient, "http://"+at.Host+"/healthz"); err == nil && res.status == http.StatusOK {
		t.Error("it answers without TLS")
	}
	if res, err := get(t.Context(), http.DefaultClient, e.Console+"/healthz"); err != nil || res.status != http.StatusOK {
		t.Errorf("the local address: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, second := pair(t, dir, "second")
	eventually(ctx, t, "a changed certificate is taken", func() bool {
		_, err := get(ctx, over(t, second, 0), e.Public+"/healthz")
		return err == nil
	})
	_, third := pair(t, dir, "third")
	if err := process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "SIGHUP takes a certificate", func() bool {
		_, err := get(ctx, over(t, third, 0), e.Public+"/healthz")
		return err == nil
	})
	if err := os.WriteFile(files.KeyFile, []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := get(ctx, over(t, third, 0), e.Public+"/healthz"); err != nil {
		t.Errorf("a key that does not fit ended the service: %v", err)
	}
}

// TestCertificate_LooksOnceASecond: what is half written is not taken, and what
// follows is.
func TestCertificate_LooksOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		files, _ := pair(t, dir, "first")
		c, err := loadCertificate(files, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		name := func() string {
			got, err := c.get(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatal(err)
			}
			return got.Leaf.Subject.CommonName
		}
		if err := os.WriteFile(files.KeyFile, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookAgain)
		if got := name(); got != "first" {
			t.Errorf("half written: %s", got)
		}
		pair(t, dir, "other")
		if got := name(); got != "first" {
			t.Errorf("looked again within a second: %s", got)
		}
		time.Sleep(lookAgain)
		if got := name(); got != "other" {
			t.Errorf("a second later: %s", got)
		}
	})
	if _, err := loadCertificate(tlsConfig{CertFile: "none", KeyFile: "none"}, time.Now, nil); err == nil {
		t.Error("a certificate that does not exist was loaded")
	}
}
