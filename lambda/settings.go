package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Parameters is SSM's parameter store as far as the functions need it. Errors
// are *hikyaku.Error with Kind NotFound, Transient, Denied or Invalid.
type Parameters interface {
	// Get returns a parameter's value and version; a name may end in
	// ":version" for an older one.
	Get(ctx context.Context, name string) (value string, version int64, err error)
	// Put replaces a parameter's value and returns the new version.
	Put(ctx context.Context, name, value string) (version int64, err error)
	// Under returns the values of all parameters below a path, by name.
	Under(ctx context.Context, path string) (map[string]string, error)
}

// RouteDispatcher is what Settings drives; *dispatch.Dispatcher is one.
type RouteDispatcher interface {
	SetRoutes(routes []hikyaku.Route, defaultRoute string)
	PauseRoute(ctx context.Context, name string, act hikyaku.Act) (hikyaku.RouteSettings, error)
	ResumeRoute(ctx context.Context, name string, act hikyaku.Act) (hikyaku.RouteSettings, error)
	LimitRoute(ctx context.Context, name string, bytesPerSecond int64, act hikyaku.Act) (hikyaku.RouteSettings, error)
}

const (
	// settingsAge is how old the document may get, settingsOlder how many older
	// versions are looked at when the newest cannot be read.
	settingsAge   = 5 * time.Second
	settingsOlder = 5
	// settingsBy is who the ledger names for what was changed in the document.
	settingsBy = "settings document"
)

// Settings keeps the route as the document in the parameter store says, in
// this process and, for pause and bandwidth, in the ledger, where every
// function reads them. Its methods may be called concurrently.
type Settings struct {
	opts SettingsOptions

	mu      sync.Mutex // guards what follows
	read    time.Time
	version int64 // of doc; 0: none was read yet
	doc     Document
	synced  int64 // the version that the ledger was brought in line with
}

// SettingsOptions configure Settings; all are required.
type SettingsOptions struct {
	Parameters Parameters
	Name       string // of the parameter
	Route      hikyaku.Route
	Dispatcher RouteDispatcher
	Ledger     hikyaku.Ledger
	Now        func() time.Time
	Logger     *slog.Logger
}

// NewSettings returns settings that have read nothing yet.
func NewSettings(o SettingsOptions) *Settings { return &Settings{opts: o} }

// Refresh reads the document unless it did lately. One that cannot be read or
// used changes nothing: the last good one stays in force, also in a process
// that never saw it, because the store keeps older versions.
func (s *Settings) Refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	if age := now.Sub(s.read); !s.read.IsZero() && age >= 0 && age < settingsAge {
		return nil
	}
	s.read = now
	return s.load(ctx)
}

// load reads the newest document that is good; mu is held.
func (s *Settings) load(ctx context.Context) error {
	doc, version, err := s.get(ctx, s.opts.Name)
	if hikyaku.CodeOf(err) == hikyaku.CodeSettingsInvalid && s.version == 0 {
		for older := version - 1; older > 0 && older >= version-settingsOlder; older-- {
			var olderErr error
			if doc, _, olderErr = s.get(ctx, s.opts.Name+":"+strconv.FormatInt(older, 10)); olderErr == nil {
				s.use(doc, older)
				break
			}
		}
	}
	if err != nil {
		return err
	}
	s.use(doc, version)
	if s.synced == version {
		return nil
	}
	return s.sync(ctx)
}

func (s *Settings) get(ctx context.Context, name string) (Document, int64, error) {
	text, version, err := s.opts.Parameters.Get(ctx, name)
	if err != nil {
		return Document{}, version, fmt.Errorf("read settings %s: %w", name, err)
	}
	doc, err := ParseDocument(text, s.opts.Route)
	return doc, version, err
}

// use takes a document over in this process; mu is held.
func (s *Settings) use(doc Document, version int64) {
	if version == s.version {
		return
	}
	s.doc, s.version = doc, version
	s.opts.Dispatcher.SetRoutes([]hikyaku.Route{doc.Overlay(s.opts.Route)}, s.opts.Route.Name)
}

// sync brings pause and bandwidth in the ledger in line with the document; mu
// is held. The ledger is read first and the document after it: an operator's
// command writes the document first, so that an older document never undoes a
// newer command.
func (s *Settings) sync(ctx context.Context) error {
	route := s.opts.Route.Name
	p, err := s.opts.Ledger.Pool(ctx, route)
	if err != nil {
		return fmt.Errorf("read settings of route %s: %w", route, err)
	}
	var have hikyaku.RouteSettings
	for _, settings := range p.Settings {
		if settings.Route == route {
			have = settings
		}
	}
	if !s.doc.in(have) {
		doc, version, err := s.get(ctx, s.opts.Name)
		if err != nil {
			return err
		}
		s.use(doc, version)
	}
	if err := s.write(ctx, have); err != nil {
		return err
	}
	s.synced = s.version
	return nil
}

// write writes what differs into the ledger; mu is held.
func (s *Settings) write(ctx context.Context, have hikyaku.RouteSettings) error {
	if s.doc.in(have) {
		return nil
	}
	route, act := s.opts.Route.Name, hikyaku.Act{
		By: settingsBy, Reason: s.doc.PausedReason, As: hikyaku.AuditSettings, Origin: hikyaku.OriginSettings,
	}
	if s.doc.By != "" {
		act.By = s.doc.By
	}
	s.opts.Logger.InfoContext(ctx, "route settings taken from the document", slog.String("route", route), slog.Int64("version", s.version),
		slog.Bool("paused", s.doc.Paused), slog.Int64("bytes_per_second", s.doc.bandwidth()), slog.String("by", act.By))
	var errs []error
	var err error
	switch {
	case s.doc.Paused && (!have.Paused || have.PausedReason != s.doc.PausedReason):
		_, err = s.opts.Dispatcher.PauseRoute(ctx, route, act)
	case !s.doc.Paused && have.Paused:
		_, err = s.opts.Dispatcher.ResumeRoute(ctx, route, act)
	}
	errs = append(errs, err)
	if !s.doc.sameBandwidth(have) {
		_, err = s.opts.Dispatcher.LimitRoute(ctx, route, s.doc.bandwidth(), act)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// changeTries bounds how often a change is made anew because somebody else
// changed the document at the same time.
const changeTries = 4

// Change changes the document. The store has no conditional write: when its
// version tells that another change came between, this one is made again on
// top of that.
func (s *Settings) Change(ctx context.Context, act hikyaku.Act, change func(*Document)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.opts.Name
	doc, version, err := s.get(ctx, name)
	if hikyaku.CodeOf(err) == hikyaku.CodeSettingsInvalid { // a command repairs it
		s.opts.Logger.ErrorContext(ctx, "settings document replaced by the last good one", errorAttrs("settings", err)...)
		doc, err = s.doc, nil
	}
	for try := 0; err == nil; try++ {
		doc.SchemaVersion, doc.UpdatedAt, doc.By = 1, s.opts.Now().UTC(), act.By
		change(&doc)
		var text []byte
		if text, err = json.MarshalIndent(doc, "", "  "); err != nil {
			return fmt.Errorf("encode settings: %w", err)
		}
		var put int64
		if put, err = s.opts.Parameters.Put(ctx, name, string(text)); err != nil {
			return fmt.Errorf("write settings %s: %w", name, err)
		}
		if put == version+1 || try == changeTries {
			s.use(doc, put)
			s.read = s.opts.Now() // not synced: the command writes the ledger, and the next look makes sure
			return nil
		}
		doc, _, err = s.get(ctx, name+":"+strconv.FormatInt(put-1, 10))
		version = put
	}
	return err
}
