package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// notifier tells a service manager how the server is doing (sd_notify): one
// datagram of NAME=value lines to the socket that NOTIFY_SOCKET names. Without
// a socket nothing is sent. Its methods may be called concurrently.
type notifier struct {
	socket string
	// watchdog is how long the manager waits for a sign of life before it ends
	// this process; 0 is for ever.
	watchdog time.Duration
	logger   *slog.Logger
}

// newNotifier reads what the manager left in the environment. A watchdog that
// is meant for another process is none of ours.
func newNotifier(getenv func(string) string, logger *slog.Logger) notifier {
	n := notifier{socket: getenv("NOTIFY_SOCKET"), logger: logger}
	if name, abstract := strings.CutPrefix(n.socket, "@"); abstract {
		n.socket = "\x00" + name
	}
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n
	}
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n
}

// tell sends lines. That nobody listens is logged and no reason to stop.
func (n notifier) tell(ctx context.Context, lines ...string) {
	if n.socket == "" {
		return
	}
	for i, line := range lines { // an error may have several lines, of which none is an order
		lines[i] = strings.ReplaceAll(line, "\n", " ")
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err == nil {
		_, err = conn.Write([]byte(strings.Join(lines, "\n")))
		_ = conn.Close() // the datagram is sent or lost
	}
	if err != nil {
		n.logger.WarnContext(ctx, "service manager not told", slog.Any("error", err))
	}
}

// guard gives the manager a sign of life four times per watchdog interval for
// as long as alive says so, until ctx ends.
func (n notifier) guard(ctx context.Context, alive func(context.Context) bool) {
	if n.socket == "" || n.watchdog <= 0 {
		return
	}
	tick := time.NewTicker(max(n.watchdog/4, time.Millisecond))
	defer tick.Stop()
	for {
		if alive(ctx) {
			n.tell(ctx, "WATCHDOG=1")
		} else if ctx.Err() == nil {
			n.logger.WarnContext(ctx, "no sign of life: the console does not answer")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
