package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// certificate is a pair of files that may be replaced while the server runs. A
// pair that does not fit, such as one of which half is written, is logged and
// the one before stays in force. It may be used concurrently.
type certificate struct {
	files  tlsConfig
	now    func() time.Time
	logger *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	stamp  string // of the files that were tried last
	looked time.Time
}

// lookAgain is how long a certificate is used before its files are looked at.
const lookAgain = time.Second

// loadCertificate reads the files, which must fit.
func loadCertificate(files tlsConfig, now func() time.Time, logger *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, now: now, logger: logger, stamp: stampOf(files), looked: now()}
	pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		return nil, &hikyaku.Error{Kind: hikyaku.KindInvalid, Code: hikyaku.CodeConfigInvalid, Op: "read access.tls", Err: err}
	}
	c.pair = &pair
	return c, nil
}

// config is TLS 1.2 or later, with the certificate of the moment.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

func (c *certificate) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		if stamp := stampOf(c.files); stamp != c.stamp {
			c.read(hello.Context(), stamp)
		}
	}
	return c.pair, nil
}

// reload reads the files whether they seem changed or not.
func (c *certificate) reload(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read(ctx, stampOf(c.files))
}

// read takes the files over if they fit; c.mu is held.
func (c *certificate) read(ctx context.Context, stamp string) {
	c.stamp = stamp
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		c.logger.ErrorContext(ctx, "certificate not reloaded; the old one stays in force", slog.String("error", err.Error()))
		return
	}
	c.pair = &pair
	attrs := []any{slog.String("file", c.files.CertFile)}
	if pair.Leaf != nil {
		attrs = append(attrs, slog.Time("not_after", pair.Leaf.NotAfter))
	}
	c.logger.InfoContext(ctx, "certificate reloaded", attrs...)
}

// stampOf changes when one of the files does.
func stampOf(files tlsConfig) string {
	var stamp strings.Builder
	for _, name := range []string{files.CertFile, files.KeyFile} {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&stamp, "%d %d ", info.ModTime().UnixNano(), info.Size())
		}
	}
	return stamp.String()
}
