// Package s3test runs a real S3 service in a test's process.
//
// It stands apart from storagetest because of what it links: only tests that
// need a service pay for building one. Only tests import it.
package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// Gateway is a real S3 service (versitygw) in this process. There can be one
// at a time, and starting it changes the process's working folder for good:
// its backend works with relative paths.
type Gateway struct {
	// Endpoint is its URL, without a slash at the end. Addressing is by path.
	Endpoint string
	// AccessKey and SecretKey are the root account's; Region is what requests
	// are signed for.
	AccessKey, SecretKey, Region string
	// Folder holds the buckets, as folders: making one there makes a bucket.
	Folder string

	stop context.CancelFunc
	done chan error
}

// StartGateway starts a gateway on a free port of 127.0.0.1, with its data
// below folder, which must exist.
func StartGateway(folder string) (*Gateway, error) {
	g := &Gateway{ //nolint:gosec // keys of a test's own server
		AccessKey: "hikyaku-test", SecretKey: "hikyaku-test-secret", Region: "us-east-1",
		Folder: filepath.Join(folder, "buckets"), done: make(chan error, 1),
	}
	backend, err := g.backend(filepath.Join(folder, "metadata"))
	if err != nil {
		return nil, fmt.Errorf("start gateway: %w", err)
	}
	// The gateway does not tell which port it got for ":0".
	address, err := freeAddress()
	if err != nil {
		return nil, fmt.Errorf("start gateway: %w", err)
	}
	g.Endpoint = "http://" + address
	ctx, cancel := context.WithCancel(context.Background())
	g.stop = cancel
	ready := make(chan struct{})
	go func() {
		g.done <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: g.AccessKey, RootUserSecret: g.SecretKey, Region: g.Region,
			Ports:          []string{address},
			MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10_000,
			KeepAlive: true, Quiet: true, DisableACLs: true,
			// Given, because making the same by default is announced on stdout.
			IAMService: auth.NewIAMServiceSingle(auth.Account{Access: g.AccessKey, Secret: g.SecretKey, Role: auth.RoleAdmin}),
			S3Options:  []s3api.Option{s3api.WithOnListen(func() { close(ready) })},
		})
	}()
	select {
	case <-ready:
		return g, g.answers()
	case err := <-g.done:
		cancel()
		return nil, fmt.Errorf("start gateway: %w", err)
	}
}

// backend keeps metadata in extended attributes or, where there are none, in
// files of a folder beside the buckets.
func (g *Gateway) backend(sidecar string) (*posix.Posix, error) {
	if err := os.MkdirAll(g.Folder, 0o700); err != nil {
		return nil, err
	}
	opts := posix.PosixOpts{ForceNoObjLockFile: true}
	var metadata meta.MetadataStorer = meta.XattrMeta{}
	if err := (meta.XattrMeta{}).Test(g.Folder); err != nil {
		if err := os.MkdirAll(sidecar, 0o700); err != nil {
			return nil, err
		}
		if metadata, err = meta.NewSideCar(sidecar); err != nil {
			return nil, err
		}
		opts.SideCarDir = sidecar
	}
	return posix.New(g.Folder, metadata, opts)
}

func freeAddress() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until the first request is served.
func (g *Gateway) answers() error {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := client.Get(g.Endpoint) //nolint:noctx // the client has a timeout
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("gateway does not answer: %w", err)
		}
	}
}

// MakeBucket makes a bucket.
func (g *Gateway) MakeBucket(name string) error {
	return os.Mkdir(filepath.Join(g.Folder, name), 0o700)
}

// Stop ends the gateway and waits for it.
func (g *Gateway) Stop() error {
	g.stop()
	if err := <-g.done; err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stop gateway: %w", err)
	}
	return nil
}
