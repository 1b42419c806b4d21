package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// Endpoints is DATA/endpoints.json: where a running server listens and how to
// sign in. It holds secrets; its file's mode is 0600.
type Endpoints struct {
	Console string `json:"console"`
	// Public is the address people use from elsewhere; empty: Console.
	Public          string `json:"public,omitempty"`
	API             string `json:"api"`
	S3              string `json:"s3"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	Token           string `json:"token"`
	QueueURL        string `json:"queue_url"`
	DLQURL          string `json:"dlq_url"`
	PID             int    `json:"pid"`
}

// EndpointsFile is the file's name in the data folder, DefaultData the data
// folder when none is named.
const (
	EndpointsFile = "endpoints.json"
	DefaultData   = "hikyaku-data"
)

// Connection is which console to talk to, and as whom: a server's, or, with a
// Stack, the one of an AWS deployment, which runs in this process.
type Connection struct {
	URL, Token string
	// Profile and Region override those of the environment.
	Stack, Profile, Region string
}

type connectionFlags struct{ url, token, data, stack, profile, region string }

func readEndpoints(dataDir string) (Endpoints, error) {
	var e Endpoints
	b, err := os.ReadFile(filepath.Join(dataDir, EndpointsFile)) //nolint:gosec // the person names the folder
	if err != nil {
		return e, fmt.Errorf("read endpoints: %w", err)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("read endpoints of %s: %w", dataDir, err)
	}
	return e, nil
}

// responseTimeout is how long a server may think before its first byte.
const responseTimeout = time.Minute

// Dial returns a client that talks HTTP to a server.
func Dial(_ context.Context, c Connection) (*console.Client, error) {
	t := &http.Transport{ResponseHeaderTimeout: responseTimeout, Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8}
	return console.NewClient(c.URL, c.Token, &http.Client{Transport: t}), nil
}

// connection resolves flags, then environment, then the data folder.
func (a *app) connection() (Connection, error) {
	if a.conn.stack != "" {
		if a.conn.url != "" || a.conn.token != "" || a.conn.data != "" {
			return Connection{}, a.usage("err_stack_or_server")
		}
		return Connection{Stack: a.conn.stack, Profile: a.conn.profile, Region: a.conn.region}, nil
	}
	if a.conn.profile != "" || a.conn.region != "" {
		return Connection{}, a.usage("err_no_stack")
	}
	c := Connection{URL: a.conn.url, Token: a.conn.token}
	if a.conn.data == "" {
		if c.URL == "" {
			c.URL = a.Getenv("HIKYAKU_URL")
		}
		if c.Token == "" {
			c.Token = a.Getenv("HIKYAKU_TOKEN")
		}
		if c.URL != "" && c.Token != "" {
			return c, nil
		}
	}
	dir := cmp.Or(a.conn.data, a.Getenv("HIKYAKU_DATA"), DefaultData)
	e, err := a.ReadEndpoints(dir)
	switch {
	case err == nil:
		if c.URL == "" {
			c.URL = e.Console
		}
		if c.Token == "" && c.URL == e.Console { // a token is for its own server only
			c.Token = e.Token
		}
	case c.URL != "":
	case errors.Is(err, fs.ErrNotExist):
		return c, &hikyaku.Error{Kind: hikyaku.KindTransient, Code: hikyaku.CodeServerUnreachable, Message: a.t("err_no_server", filepath.Join(dir, EndpointsFile))}
	default:
		return c, err
	}
	return c, nil
}

// api returns the client, connecting when first asked.
func (a *app) api(ctx context.Context) (*console.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	c, err := a.connection()
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(c.URL); c.Stack == "" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
		return nil, a.usage("err_url", console.Printable(c.URL))
	}
	if a.client, err = a.Client(ctx, c); err != nil {
		return nil, err
	}
	return a.client, nil
}
