package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pkg/xattr"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"

	"github.com/hikyaku/hikyaku"
)

// gateway is the embedded S3: versitygw over a folder, objects as plain files.
// One per process; it changes the process's working directory, so every path
// must be absolute before it starts.
type gateway struct {
	addr string
	stop context.CancelFunc
	done chan struct{}
	err  error // valid once done is closed
}

// gatewayOptions configure startGateway.
type gatewayOptions struct {
	// Addr is host:port; port 0 picks a free one.
	Addr string
	// Dir holds the buckets' folders, SideCar the metadata where the file
	// system has no extended attributes.
	Dir, SideCar string
	Region       string
	Key          accessKey
	// Buckets are made when missing.
	Buckets []string
}

// startGateway starts the gateway and returns once it accepts connections.
func startGateway(ctx context.Context, o gatewayOptions) (*gateway, error) {
	for _, bucket := range o.Buckets {
		if err := os.MkdirAll(filepath.Join(o.Dir, bucket), 0o755); err != nil { //nolint:gosec // buckets are for everybody's reading, as their objects
			return nil, fmt.Errorf("make bucket %s: %w", bucket, err)
		}
	}
	var err error
	for range 5 { // a port that was free may be taken before the gateway binds it
		var g *gateway
		if g, err = tryGateway(ctx, o); err == nil {
			return g, nil
		}
		if _, port, _ := net.SplitHostPort(o.Addr); port != "0" {
			break
		}
	}
	return nil, fmt.Errorf("start the embedded S3: %w", err)
}

func tryGateway(ctx context.Context, o gatewayOptions) (*gateway, error) {
	addr, err := freeAddr(ctx, o.Addr)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	var store meta.MetadataStorer = meta.XattrMeta{}
	opts := posix.PosixOpts{}
	if !xattrWorks(o.Dir) {
		if err := os.MkdirAll(o.SideCar, 0o700); err != nil {
			return nil, err
		}
		if store, err = meta.NewSideCar(o.SideCar); err != nil {
			return nil, err
		}
		opts.SideCarDir = o.SideCar
	}
	backend, err := posix.New(o.Dir, store, opts)
	if err != nil {
		return nil, err
	}
	runCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	g := &gateway{addr: addr, stop: stop, done: make(chan struct{})}
	listening := make(chan struct{})
	go func() {
		defer close(g.done)
		g.err = embedgw.RunVersityGW(runCtx, backend, &embedgw.Config{
			IAMService:     auth.NewIAMServiceSingle(auth.Account{Access: o.Key.AccessKeyID, Secret: o.Key.SecretAccessKey, Role: auth.RoleAdmin}),
			RootUserAccess: o.Key.AccessKeyID, RootUserSecret: o.Key.SecretAccessKey,
			Region: o.Region, Ports: []string{addr}, KeepAlive: true, Quiet: true,
			MaxConnections: 4096, MaxRequests: 2048, MultipartMaxParts: 10000,
			S3Options: []s3api.Option{s3api.WithOnListen(func() { close(listening) })},
		})
	}()
	select {
	case <-listening:
		return g, nil
	case <-g.done:
		stop()
		return nil, errors.Join(errors.New("ended at once"), g.err)
	case <-time.After(15 * time.Second):
		stop()
		return nil, errors.New("did not listen within 15 s")
	}
}

// Stop ends the gateway. It waits two seconds at most for connections that
// clients keep open without using them; they end with the process.
func (g *gateway) Stop() error {
	g.stop()
	select {
	case <-g.done:
		return g.Wait()
	case <-time.After(2 * time.Second):
		return nil
	}
}

// Wait returns once the gateway has ended: nil if it was asked to.
func (g *gateway) Wait() error {
	<-g.done
	if g.err != nil && !errors.Is(g.err, context.Canceled) && !errors.Is(g.err, context.DeadlineExceeded) {
		return fmt.Errorf("embedded S3: %w", g.err)
	}
	return nil
}

// freeAddr checks that addr can be bound now, and replaces port 0 by a port
// that is free: the gateway takes ":0" but does not tell which port it got.
func freeAddr(ctx context.Context, addr string) (string, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("listen address %q: %w", addr, err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", &hikyaku.Error{Kind: hikyaku.KindConflict, Code: hikyaku.CodePortInUse, Op: "listen for s3", Subject: addr, Err: err}
	}
	tcp, ok := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil || !ok {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return net.JoinHostPort(host, strconv.Itoa(tcp.Port)), nil
}

// xattrWorks reports whether files in dir can carry extended attributes.
func xattrWorks(dir string) bool {
	f, err := os.CreateTemp(dir, ".xattr-*")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a stray empty file in the data folder does no harm
	err = xattr.Set(f.Name(), "user.hikyaku.probe", []byte("1"))
	return f.Close() == nil && err == nil
}
