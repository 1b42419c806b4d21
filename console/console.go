package console

import (
	"context"
	"crypto/cipher"
	"log/slog"
	"net/http"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// Options says what a console works with.
type Options struct {
	// Ledger is read; required. If it is a hikyaku.Subscriber the stream is
	// fed by its commits, otherwise by polling.
	Ledger hikyaku.Ledger
	// Operator carries out actions; nil makes the console read only.
	Operator Operator
	// Files gives results per file; nil: they are not available.
	Files FileLister
	// Authenticate tells whose token it is and what it may do; nil refuses
	// every token. It must compare in constant time, and is asked at every
	// request, also of those who signed in with a token.
	Authenticate func(token string) (Identity, bool)
	// Access says how people come in and for how long.
	Access Access
	// AllowedHosts are host names, without port, that requests may name in
	// Host besides localhost and the loopback addresses.
	AllowedHosts []string
	// Ready tells whether the server can work; nil is always ready.
	Ready func(ctx context.Context) error
	// Now is the clock; required.
	Now func() time.Time
	// Logger gets what went wrong inside; nil discards it.
	Logger *slog.Logger
	// Version is shown and exported as build info.
	Version string
	// PollInterval is how often a ledger without Subscriber is read; 0 is 1 s.
	PollInterval time.Duration
	// Heartbeat is how often an idle stream says that it lives; 0 is 15 s.
	Heartbeat time.Duration
}

// Operator is what people can do. Every method is given who did it and why.
// Errors are *hikyaku.Error, whose kind becomes the HTTP status.
type Operator interface {
	TransferOperator
	RouteOperator
	TaskOperator
	DeadLetterOperator
}

// TransferOperator starts, repeats and ends transfers.
type TransferOperator interface {
	Send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error)
	Rerun(ctx context.Context, transferID string, a hikyaku.Act) (hikyaku.Transfer, error)
	Cancel(ctx context.Context, transferID string, a hikyaku.Act) (hikyaku.Transfer, error)
}

// BulkSender is a TransferOperator that sends many IDs sooner together than one
// after the other.
type BulkSender interface {
	// SendAll returns what came of each, in their order.
	SendAll(ctx context.Context, all []hikyaku.Send, a hikyaku.Act) []Sent
}

// Sent is what came of one ID.
type Sent struct {
	Transfer hikyaku.Transfer
	Err      error
}

// RouteOperator knows the routes and changes their hot settings. A bandwidth
// is bytes per second, -1 is unlimited.
type RouteOperator interface {
	Routes() []hikyaku.Route
	PauseRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error)
	ResumeRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error)
	LimitRoute(ctx context.Context, name string, bytesPerSecond int64, a hikyaku.Act) (hikyaku.RouteSettings, error)
}

// RouteReader is a RouteOperator whose routes are elsewhere, so that reading
// them may fail.
type RouteReader interface {
	ReadRoutes(ctx context.Context) ([]hikyaku.Route, error)
}

// TaskOperator takes tasks out of their pool and puts them back.
type TaskOperator interface {
	Bench(ctx context.Context, taskARN string, a hikyaku.Act) error
	Unbench(ctx context.Context, taskARN string, a hikyaku.Act) error
}

// DeadLetterOperator decides about dead letters.
type DeadLetterOperator interface {
	// RedriveDeadLetters sends them round again and returns how many it did.
	RedriveDeadLetters(ctx context.Context, transferIDs []string, a hikyaku.Act) (int, error)
	// DiscardDeadLetter records that nothing follows.
	DiscardDeadLetter(ctx context.Context, transferID string, a hikyaku.Act) error
}

// FileLister gives the results per file of a transfer's running or last attempt.
type FileLister interface {
	Files(ctx context.Context, t hikyaku.Transfer, q FileQuery) (FileList, error)
}

// FileSearcher is implemented by a FileLister that finds files by their path.
type FileSearcher interface {
	// ExecutionsWithFile returns the IDs ("exec-…") of the newest executions in which
	// there was a file whose path has text in it, as many as are looked at.
	ExecutionsWithFile(ctx context.Context, text string) ([]string, error)
}

// Console serves the API, the stream, the metrics and the pages. Its methods
// may be called concurrently.
type Console struct {
	ledger    *told
	op        Operator
	files     FileLister
	auth      func(string) (Identity, bool)
	ready     func(context.Context) error
	now       func() time.Time
	log       *slog.Logger
	version   string
	heartbeat time.Duration
	hosts     map[string]bool
	site      *web.Site
	hub       *hub
	byPrefix  bool // the ledger is a hikyaku.PrefixSearcher
	metrics   *metrics
	access    Access
	sessions  *sessions
	signIn    *signInGuard
	seal      cipher.AEAD // of what browsers keep for us
	// secureHost is the host that is reached over TLS though we may not see it.
	secureHost string
	routes     []Route
	openAPI    []byte
	handler    http.Handler
	history    history
	failures   failures
	canaries   canaries
	audit      audited
	stop       func()
}

var _ http.Handler = (*Console)(nil)

// New returns a console. Close ends its streams; the caller must call it
// before waiting for the HTTP server to drain.
func New(o Options) *Console {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.PollInterval <= 0 {
		o.PollInterval = time.Second
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 15 * time.Second
	}
	ledger := &told{Ledger: o.Ledger, now: o.Now, log: o.Logger}
	c := &Console{
		ledger: ledger, op: o.Operator, files: o.Files, auth: o.Authenticate, ready: o.Ready,
		now: o.Now, log: o.Logger, version: o.Version, heartbeat: o.Heartbeat,
		hosts: allowedHosts(o.AllowedHosts), site: web.New(), access: o.Access, seal: newSealer(),
		sessions: newSessions(o.Now, o.Access.SessionIdle, o.Access.SessionMax), signIn: newSignInGuard(o.Now, o.Logger),
	}
	if host, secure := publicHost(o.Access.PublicURL); host != "" {
		c.hosts[host] = true
		if secure {
			c.secureHost = host
		}
	}
	c.metrics = newMetrics(ledger, o.Now, o.Logger, o.Version)
	c.hub = newHub(ledger, o.Now, o.Logger, o.PollInterval)
	c.stop = func() {}
	c.audit.log, _ = o.Ledger.(hikyaku.AuditLog)
	if s, ok := o.Ledger.(hikyaku.PrefixSearcher); ok {
		c.byPrefix = s.SearchesByPrefix()
	}
	if s, ok := o.Ledger.(hikyaku.Subscriber); ok {
		c.hub.live = true
		c.history.since = o.Now()
		c.stop = s.Subscribe(func(t hikyaku.Transfer) {
			c.metrics.observe(t)
			c.history.observe(t)
			c.hub.publish(ledger.news(t))
		})
	}
	c.openAPI = openAPIJSON()
	m := c.mux()
	c.routes, c.handler = m.all, c.guard(m)
	return c
}

// ServeHTTP answers a request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.handler.ServeHTTP(w, withOrigin(r))
}

// Close ends all streams and the ledger's subscription. It may be called twice.
func (c *Console) Close() {
	c.canaries.close()
	c.stop()
	c.hub.close()
}
