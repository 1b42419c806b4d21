package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// access is how people come in, by the config.
func (s *server) access(ctx context.Context) (console.Access, error) {
	a := s.cfg.Access.options()
	a.Tokens = s.tokens
	if s.cfg.Access.TLS.on() {
		var err error
		if s.cert, err = loadCertificate(s.cfg.Access.TLS, time.Now, s.logger); err != nil {
			return a, err
		}
	}
	host, err := checkAddress(s.cfg.Listen.Console)
	if err != nil {
		return a, invalid("listen.console", "%v", err)
	}
	if s.cert == nil && !isLoopback(host) {
		s.logger.WarnContext(ctx, "the console listens for other machines WITHOUT TLS: whoever is on the way can read tokens and sessions", slog.String("address", s.cfg.Listen.Console))
	}
	return a, nil
}

// listenForPeople binds the console where the config says. With TLS, or for
// other machines, it binds a loopback address besides, without TLS, for this
// machine's own commands, and returns that.
func (s *server) listenForPeople(ctx context.Context, h *console.Console) (string, error) {
	s.console = h
	addr := s.cfg.Listen.Console
	host, err := checkAddress(addr)
	if err != nil {
		return "", invalid("listen.console", "%v", err)
	}
	if s.cert == nil && isLoopback(host) {
		s.endpoints.Public = s.cfg.Access.PublicURL
		return s.listen(ctx, "console", addr, h)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", &hikyaku.Error{Kind: hikyaku.KindConflict, Code: hikyaku.CodePortInUse, Op: "listen for console", Subject: addr, Err: err}
	}
	scheme := "http://"
	if s.cert != nil {
		scheme = "https://"
		s.serve("console", l, h, s.cert.config())
	} else {
		s.serve("console", l, h, nil)
	}
	s.endpoints.Public = cmp.Or(s.cfg.Access.PublicURL, scheme+l.Addr().String())
	return s.listen(ctx, "console on loopback", s.cfg.Listen.Local, h)
}

// reloadAccess reads tokens and certificate again.
func (s *server) reloadAccess(ctx context.Context) {
	if s.cert != nil {
		s.cert.reload(ctx)
	}
	if err := s.tokens.reload(); err != nil {
		s.logger.ErrorContext(ctx, "tokens not reloaded; the old ones stay in force", slog.String("error", err.Error()))
		return
	}
	s.console.RightsChanged()
}
