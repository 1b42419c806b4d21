package mover_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

// pruning is a store whose Prune is under way until its context ends.
type pruning struct {
	*movertest.Memory

	began chan struct{}
}

func (p pruning) Prune(ctx context.Context, _ time.Time) (int, error) {
	close(p.began)
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// TestService_Stop_quiet: housekeeping that stopping interrupts has not failed.
func TestService_Stop_quiet(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	store := pruning{&movertest.Memory{}, make(chan struct{})}
	s := movertest.Start(t, mover.Config{Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	<-store.began
	stop(t, s)
	if log.Len() > 0 {
		t.Errorf("stopping logged %s", log.String())
	}
}
