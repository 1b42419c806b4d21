package console

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// What may fail within signInWindow before sign-in is refused: from one
// address, and from all, among whom a guesser with many addresses may be.
const (
	signInWindow  = time.Minute
	signInPerAddr = 10
	signInOverall = 100
)

// signInGuard counts attempts to sign in. An attempt counts when it begins, so
// that many at once do not slip through, and is taken back when it succeeds.
// Its methods may be called concurrently.
type signInGuard struct {
	now func() time.Time
	log *slog.Logger

	mu    sync.Mutex
	since time.Time
	all   int
	told  bool // that all together are too many
	by    map[string]*tries
}

type tries struct {
	count int
	told  bool
}

func newSignInGuard(now func() time.Time, log *slog.Logger) *signInGuard {
	return &signInGuard{now: now, log: log, by: map[string]*tries{}}
}

// begin counts an attempt from an address. If it may not be made, wait says
// when another may.
func (g *signInGuard) begin(ctx context.Context, addr string) (wait time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if now.Sub(g.since) >= signInWindow {
		g.since, g.all, g.told = now, 0, false
		clear(g.by)
	}
	wait = g.since.Add(signInWindow).Sub(now)
	if g.all >= signInOverall {
		g.tell(ctx, &g.told, addr)
		return wait, false
	}
	a := g.by[addr]
	if a == nil {
		a = &tries{}
		g.by[addr] = a
	}
	if a.count >= signInPerAddr {
		g.tell(ctx, &a.told, addr)
		return wait, false
	}
	a.count++
	g.all++
	return 0, true
}

// tell logs a refusal once a window.
func (g *signInGuard) tell(ctx context.Context, told *bool, addr string) {
	if !*told {
		*told = true
		g.log.WarnContext(ctx, "sign-in refused for the rest of a minute", slog.String("address", addr), slog.Int("failed_overall", g.all))
	}
}

// succeeded takes an attempt back.
func (g *signInGuard) succeeded(addr string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.by[addr]; a != nil && a.count > 0 {
		a.count--
		g.all--
	}
}

// clientAddress is whom attempts are counted for: an IPv4 address, or the /64
// that one customer has of IPv6.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return Printable(host)
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
