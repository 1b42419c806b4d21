package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/oklog/ulid/v2"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/daemon"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/source"
	"github.com/hikyaku/hikyaku/sqlite"
)

// The files of a data folder.
const (
	ledgerFile = "ledger.db"
	queueFile  = "queue.db"
	moverFile  = "mover.db"
)

// account is the AWS account that our ARNs and queue URLs carry.
const account = "000000000000"

// server is the self-hosted edition: every part and how to end it.
type server struct {
	cfg       config
	logger    *slog.Logger
	keys      keyring
	dir       string // the working folder at the start, in which relative paths begin
	tokens    *tokenStore
	cert      *certificate // nil without TLS
	console   *console.Console
	endpoints cli.Endpoints

	ledger     *sqlite.Ledger
	queues     *queue.Service
	mover      *mover.Service
	dispatcher *dispatch.Dispatcher
	daemon     *daemon.Daemon
	executor   *datasync.Executor
	ready      atomic.Bool
	// failed tells of a part that ended by itself.
	failed chan error
	// stops are run last to first.
	stops []func(context.Context) error
}

// startServer starts everything and returns once all listeners are bound, the
// pool is provisioned and what an earlier process left behind is reconciled.
func startServer(ctx context.Context, cfg config, logger *slog.Logger) (_ *server, err error) {
	s := &server{cfg: cfg, logger: logger, failed: make(chan error, 4)}
	if s.dir, err = os.Getwd(); err != nil {
		return nil, fmt.Errorf("find the working folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	for _, step := range []func(context.Context) error{
		s.openData, s.startGateway, s.startQueues, s.startMover, s.startAPI,
		s.openQueues, s.startDispatcher, s.startConsole, s.publish,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// onStop registers what ends a part.
func (s *server) onStop(stop func(context.Context) error) { s.stops = append(s.stops, stop) }

// stopTime is how long Stop takes at most, drainTime how much of it is for
// what the dispatcher is doing: listeners and mover want theirs too.
const (
	stopTime  = 10 * time.Second
	drainTime = 4 * time.Second
)

// Stop ends every part in the reverse order of starting.
func (s *server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	s.ready.Store(false)
	var errs []error
	for _, stop := range slices.Backward(s.stops) {
		if err := stop(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	s.stops = nil
	return errors.Join(errs...)
}

// openData makes and locks the data folder, reads the keys, opens the ledger.
func (s *server) openData(ctx context.Context) error {
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindDenied, Code: hikyaku.CodeFolderNotWritable, Op: "make the data folder", Err: err}
	}
	lock, err := sqlite.Lock(s.cfg.Data, time.Now())
	if err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindConflict, Code: hikyaku.CodeFolderLocked, Op: "lock", Subject: s.cfg.Data, Err: err}
	}
	s.onStop(func(context.Context) error { return lock.Unlock() })
	if err := forgetEndpoints(s.cfg.Data); err != nil {
		return err
	}
	if s.keys, err = loadKeys(s.cfg.Data); err != nil {
		return err
	}
	s.tokens = &tokenStore{path: filepath.Join(s.cfg.Data, keysFile), now: time.Now, ring: s.keys}
	if s.ledger, err = sqlite.OpenLedger(ctx, filepath.Join(s.cfg.Data, ledgerFile), ledgerOptions()); err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindInternal, Code: hikyaku.CodeLedgerUnreadable, Op: "open the ledger", Err: err}
	}
	s.onStop(func(context.Context) error { return s.ledger.Close() })
	return nil
}

func ledgerOptions() sqlite.LedgerOptions { return sqlite.LedgerOptions{Now: time.Now} }

// startGateway starts the embedded S3 if the config says so.
func (s *server) startGateway(ctx context.Context) error {
	if s.cfg.S3.Endpoint != embedded {
		s.endpoints.S3 = s.cfg.S3.Endpoint
		return nil
	}
	g, err := startGateway(ctx, gatewayOptions{
		Addr: s.cfg.Listen.S3, Dir: filepath.Join(s.cfg.Data, "s3"), SideCar: filepath.Join(s.cfg.Data, "s3-metadata"),
		Region: s.region(), Key: s.keys.admin(), Buckets: s.cfg.buckets(),
	})
	if err != nil {
		return err
	}
	s.endpoints.S3 = "http://" + g.addr
	s.onStop(func(context.Context) error { return g.Stop() })
	go func() {
		if err := g.Wait(); err != nil {
			s.failed <- err
		}
	}()
	return nil
}

// startQueues opens our SQS. Messages that a process before us had received
// are visible again at once.
func (s *server) startQueues(ctx context.Context) error {
	store, err := sqlite.OpenQueues(ctx, filepath.Join(s.cfg.Data, queueFile))
	if err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindInternal, Code: hikyaku.CodeLedgerUnreadable, Op: "open the queues", Err: err}
	}
	s.onStop(func(context.Context) error { return store.Close() })
	s.queues, err = queue.New(ctx, queue.Options{Store: store, Account: account, Region: s.region(), Now: time.Now, Logger: s.logger})
	if err != nil {
		return fmt.Errorf("open the queues: %w", err)
	}
	s.onStop(func(context.Context) error { s.queues.Close(); return nil })
	if _, err := s.queues.ReleaseAll(ctx); err != nil {
		return fmt.Errorf("release messages in flight: %w", err)
	}
	s.queues.Start()
	return nil
}

// startMover starts our DataSync; executions that had not ended begin again.
func (s *server) startMover(ctx context.Context) error {
	store, err := sqlite.OpenMover(ctx, filepath.Join(s.cfg.Data, moverFile))
	if err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindInternal, Code: hikyaku.CodeLedgerUnreadable, Op: "open the mover's records", Err: err}
	}
	s.onStop(func(context.Context) error { return store.Close() })
	opener := &opener{server: s}
	s.mover, err = mover.New(mover.Config{
		Account: account, Region: s.region(), Store: store, Open: opener.open, Now: time.Now, Rand: rand.Reader,
		Logger: s.logger, Endpoints: opener.policy(), Version: version, Retention: 30 * 24 * time.Hour, Run: runEngine,
		Spool: s.cfg.Data, KeptFiles: s.cfg.KeptFiles,
	})
	if err != nil {
		return fmt.Errorf("start DataSync: %w", err)
	}
	if err := s.mover.Start(ctx); err != nil {
		return fmt.Errorf("start DataSync: %w", err)
	}
	s.onStop(s.mover.Stop)
	return nil
}

// startDispatcher provisions the pool, reconciles the ledger with it and with
// what runs, and starts the loops.
func (s *server) startDispatcher(ctx context.Context) error {
	client := s.dataSyncClient()
	s.executor = datasync.New(client, datasync.Options{AgentSlots: -1})
	inbound, deadLetters, err := s.inboundQueues(ctx)
	if err != nil {
		return err
	}
	control, err := s.controlS3(ctx)
	if err != nil {
		return err
	}
	completions, err := s.completions(ctx)
	if err != nil {
		return err
	}
	s.dispatcher = dispatch.New(dispatch.Options{
		Ledger: s.ledger, Completions: completions, Executor: s.executor, Source: source.New(control, source.Options{}), DeadLetters: deadLetters,
		Routes: s.cfg.routes(), DefaultRoute: s.cfg.DefaultRoute, Now: time.Now, NewID: newTransferID(), Logger: s.logger,
		Owner: "serve", Exclusive: true, LateStarts: true,
	})
	if err := s.provision(ctx, client); err != nil {
		return err
	}
	if err := s.dispatcher.Recover(ctx); err != nil {
		return fmt.Errorf("reconcile the leases: %w", err)
	}
	s.daemon = daemon.New(s.dispatcher, inbound, daemon.Options{Now: time.Now, Logger: s.logger, Retain: s.prune, Drain: drainTime})
	events, unsubscribe := s.mover.Subscribe(4096)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range events {
			s.daemon.Notify(e.Resources[0], e.Detail.State)
		}
	}()
	if err := s.daemon.Start(ctx); err != nil {
		unsubscribe()
		return fmt.Errorf("start the loops: %w", err)
	}
	s.onStop(func(context.Context) error {
		s.daemon.Stop()
		unsubscribe()
		<-done
		return nil
	})
	return nil
}

// provision creates the routes' tasks through the DataSync API and tells the
// dispatcher which tasks there should be.
func (s *server) provision(ctx context.Context, client *datasyncsdk.Client) error {
	pools, err := s.pools(ctx)
	if err != nil {
		return err
	}
	have, err := datasync.NewProvisioner(client, datasync.Options{}).Ensure(ctx, pools)
	if err != nil {
		return fmt.Errorf("provision the pool: %w", err)
	}
	desired := map[string][]hikyaku.TaskDescription{}
	for _, t := range have.Tasks {
		route := t.Tags[datasync.TagRoute]
		desired[route] = append(desired[route], t)
	}
	if err := s.dispatcher.Reconcile(ctx, desired); err != nil {
		return fmt.Errorf("reconcile the pool: %w", err)
	}
	for _, t := range have.Extra {
		s.logger.InfoContext(ctx, "task is not wanted any more and drains", slog.String("task_arn", t.ARN))
	}
	return nil
}

// publish writes endpoints.json, the last step: whoever reads it finds the
// server ready.
func (s *server) publish(context.Context) error {
	s.ready.Store(true)
	s.onStop(func(context.Context) error { return forgetEndpoints(s.cfg.Data) })
	return writePrivate(filepath.Join(s.cfg.Data, endpointsFile), s.endpoints)
}

// reload takes over what a changed config can change while running, and says
// what needs a restart.
func (s *server) reload(ctx context.Context, file, data string) {
	cfg, err := loadConfigIn(s.dir, file, data)
	if err != nil {
		s.logger.ErrorContext(ctx, "config not reloaded; the old one stays in force", slog.String("error", err.Error()))
		return
	}
	old := s.cfg
	s.reloadAccess(ctx)
	if !reflect.DeepEqual(cfg.Access, old.Access) {
		s.logger.WarnContext(ctx, "access changes only with a restart; tokens and the certificate are read again")
		cfg.Access = old.Access
	}
	if cfg.Listen != old.Listen || cfg.S3 != old.S3 || cfg.Queue != old.Queue || cfg.Data != old.Data || cfg.Retention != old.Retention {
		s.logger.WarnContext(ctx, "listen, s3, queue, data and retention change only with a restart")
		cfg.Listen, cfg.S3, cfg.Queue, cfg.Data, cfg.Retention = old.Listen, old.S3, old.Queue, old.Data, old.Retention
	}
	if cfg.KeptFiles != old.KeptFiles {
		s.logger.WarnContext(ctx, "kept_files changes only with a restart")
		cfg.KeptFiles = old.KeptFiles
	}
	if !reflect.DeepEqual(cfg.Completions, old.Completions) {
		s.logger.WarnContext(ctx, "completions change only with a restart")
		cfg.Completions = old.Completions
	}
	if missing := missingQueues(old, cfg); len(missing) > 0 {
		s.logger.WarnContext(ctx, "new queues are read only after a restart", slog.Any("queues", missing))
	}
	s.cfg = cfg
	if err := s.dispatcher.ReloadRoutes(ctx, cfg.routes(), cfg.DefaultRoute); err != nil {
		s.logger.ErrorContext(ctx, "changed rates did not reach what runs", slog.Any("error", err))
	}
	if err := s.provision(ctx, s.dataSyncClient()); err != nil {
		s.logger.ErrorContext(ctx, "pool not provisioned", slog.String("error", err.Error()))
		return
	}
	s.logger.InfoContext(ctx, "config reloaded", slog.Int("routes", len(cfg.Routes)))
}

// consoleLink is the address that signs a person in.
func (s *server) consoleLink() string {
	return cmp.Or(s.endpoints.Public, s.endpoints.Console) + "/login?token=" + url.QueryEscape(s.endpoints.Token)
}

func (s *server) region() string {
	if s.cfg.S3.Region != "" {
		return s.cfg.S3.Region
	}
	return defaultRegion
}

// newTransferID makes ULIDs: sortable by creation.
func newTransferID() func() string {
	return func() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }
}

// listen binds and serves a handler until Stop.
func (s *server) listen(ctx context.Context, name, addr string, h http.Handler) (string, error) {
	if err := checkListen(addr); err != nil {
		return "", invalid("listen."+name, "%v", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", &hikyaku.Error{Kind: hikyaku.KindConflict, Code: hikyaku.CodePortInUse, Op: "listen for " + name, Subject: addr, Err: err}
	}
	s.serve(name, l, h, nil)
	return "http://" + l.Addr().String(), nil
}

// serve serves a handler until Stop, with TLS if there is a config for it.
func (s *server) serve(name string, l net.Listener, h http.Handler, secure *tls.Config) {
	srv := &http.Server{
		Handler: h, TLSConfig: secure, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	accept := func() error { return srv.Serve(l) }
	if secure != nil {
		accept = func() error { return srv.ServeTLS(l, "", "") }
	}
	go func() {
		if err := accept(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("%s listener: %w", name, err)
		}
	}()
	s.onStop(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if srv.Shutdown(ctx) != nil { // streams and long polls do not end by themselves
			return srv.Close()
		}
		return nil
	})
}
