package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/hikyaku/hikyaku"
)

// config is hikyaku.yaml. hikyaku.example.yaml in this folder's root explains
// every key; a test holds the two together.
type config struct {
	Data         string                 `yaml:"data"`
	S3           s3Config               `yaml:"s3"`
	Queue        queueConfig            `yaml:"queue"`
	Access       accessConfig           `yaml:"access"`
	Listen       listenConfig           `yaml:"listen"`
	DefaultRoute string                 `yaml:"default_route"`
	Retention    duration               `yaml:"retention"`
	KeptFiles    int                    `yaml:"kept_files"`
	Routes       map[string]routeConfig `yaml:"routes"`
	// Completions are who is told that a transfer ended, by name.
	Completions map[string]completionConfig `yaml:"completions"`
}

// s3Config says which object store the routes' s3:// locations mean.
type s3Config struct {
	// Endpoint is "embedded", or a URL; empty with a Region means Amazon S3.
	Endpoint string `yaml:"endpoint"`
	Region   string `yaml:"region"`
	Profile  string `yaml:"profile"`
}

// queueConfig says where messages come from.
type queueConfig struct {
	// URL is "embedded" or a real SQS queue's URL.
	URL string `yaml:"url"`
	// DeadLetterURL is the URL of its dead-letter queue; required with a real queue.
	DeadLetterURL string `yaml:"dead_letter_url"`
	Region        string `yaml:"region"`
	Profile       string `yaml:"profile"`
}

// listenConfig holds host:port pairs; port 0 picks a free one.
type listenConfig struct {
	Console string `yaml:"console"`
	// Local is where this machine's own commands find a console that listens
	// with TLS or for other machines.
	Local string `yaml:"local"`
	API   string `yaml:"api"`
	S3    string `yaml:"s3"`
}

// routeConfig is one route; see hikyaku.Route for the meaning of each field.
type routeConfig struct {
	Queue          string      `yaml:"queue"`
	Source         string      `yaml:"source"`
	Destination    string      `yaml:"destination"`
	Include        string      `yaml:"include"`
	KeyPattern     string      `yaml:"key_pattern"`
	IDPattern      string      `yaml:"id_pattern"`
	Ready          readyConfig `yaml:"ready"`
	Pool           int         `yaml:"pool"`
	Verify         string      `yaml:"verify"`
	TransferMode   string      `yaml:"transfer_mode"`
	BytesPerSecond int64       `yaml:"bytes_per_second"`
	MaxAttempts    int         `yaml:"max_attempts"`
	Retry          retryConfig `yaml:"retry"`
	AllowEmpty     bool        `yaml:"allow_empty"`
	LaunchTimeout  duration    `yaml:"launch_timeout"`
	StallTimeout   duration    `yaml:"stall_timeout"`
}

type readyConfig struct {
	Quiet  duration `yaml:"quiet"`
	Marker string   `yaml:"marker"`
}

type retryConfig struct {
	First duration `yaml:"first"`
	Max   duration `yaml:"max"`
}

// duration is a time.Duration written as in Go, and with d for days.
type duration time.Duration

// UnmarshalYAML reads "30s", "10m", "90d".
func (d *duration) UnmarshalYAML(b []byte) error {
	s := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a duration: write 30s, 10m, 12h or 90d", s)
		}
		*d = duration(n * 24 * float64(time.Hour))
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration: write 30s, 10m, 12h or 90d", s)
	}
	*d = duration(v)
	return nil
}

// newConfig returns the defaults: one route from s3://outbox/ to a folder
// below the data folder.
func newConfig(data string) config {
	return config{
		Data:      data,
		S3:        s3Config{Endpoint: embedded, Region: defaultRegion},
		Queue:     queueConfig{URL: embedded},
		Listen:    listenConfig{Console: "127.0.0.1:7700", Local: "127.0.0.1:0", API: "127.0.0.1:7701", S3: "127.0.0.1:7702"},
		Retention: duration(90 * 24 * time.Hour),
		KeptFiles: 1000,
	}
}

// defaultRegion is none of Amazon's: for those, version 1 of the AWS CLI
// replaces the SQS endpoint that the environment names by Amazon's own.
const defaultRegion = "local-1"

const (
	embedded        = "embedded"
	defaultQueue    = "hikyaku"
	defaultDataDir  = "./hikyaku-data"
	deadLetterAfter = "-dlq" // queue name + this is its dead-letter queue
	// maxKeptFiles bounds what an execution holds in memory until it ends.
	maxKeptFiles = 10_000
)

// loadConfig reads file ("" means defaults only). data, when not empty, wins
// over the file's data. Unknown keys are errors that show the line.
func loadConfig(file, data string) (config, error) {
	dir, err := os.Getwd()
	if err != nil {
		return config{}, fmt.Errorf("find the working folder: %w", err)
	}
	return loadConfigIn(dir, file, data)
}

// loadConfigIn is loadConfig with the folder that relative paths begin in: the
// process's own is another one once the embedded S3 has started.
func loadConfigIn(dir, file, data string) (config, error) {
	c := newConfig(defaultDataDir)
	if file != "" {
		text, err := os.ReadFile(absolute(dir, file))
		if err == nil && (!utf8.Valid(text) || bytes.ContainsRune(text, 0)) {
			err = errors.New("the file is not text")
		}
		if err != nil {
			kind := hikyaku.KindInvalid
			if errors.Is(err, fs.ErrNotExist) {
				kind = hikyaku.KindNotFound
			}
			return c, &hikyaku.Error{Kind: kind, Code: hikyaku.CodeConfigInvalid, Op: "read config", Subject: file, Err: err}
		}
		dec := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField())
		if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
			return c, &hikyaku.Error{Kind: hikyaku.KindInvalid, Code: hikyaku.CodeConfigInvalid, Op: "read config", Subject: file, Message: strings.TrimSpace(yaml.FormatError(err, false, true))}
		}
	}
	if data != "" {
		c.Data = data
	}
	abs := absolute(dir, c.Data)
	c.Data = abs
	for _, path := range []*string{&c.Access.TLS.CertFile, &c.Access.TLS.KeyFile, &c.Access.OIDC.ClientSecretFile} {
		if *path != "" {
			*path = absolute(dir, *path)
		}
	}
	if len(c.Routes) == 0 {
		c.Routes = map[string]routeConfig{"default": {Source: "s3://outbox/", Destination: "file://" + filepath.Join(abs, "delivered")}}
	}
	for name, r := range c.Routes {
		c.Routes[name] = r.withDefaults()
	}
	if c.DefaultRoute == "" && len(c.Routes) == 1 {
		for name := range c.Routes {
			c.DefaultRoute = name
		}
	}
	return c, c.validate(file)
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// withDefaults fills in what the route leaves out.
func (r routeConfig) withDefaults() routeConfig {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&r.Queue, defaultQueue)
	set(&r.Include, "/{id}/*")
	set(&r.Verify, "ONLY_FILES_TRANSFERRED")
	set(&r.TransferMode, "ALL")
	if r.Pool == 0 {
		r.Pool = 2
	}
	if r.MaxAttempts == 0 {
		r.MaxAttempts = 3
	}
	if r.BytesPerSecond == 0 {
		r.BytesPerSecond = -1
	}
	if r.Retry.First == 0 {
		r.Retry.First = duration(5 * time.Second)
	}
	if r.Retry.Max == 0 {
		r.Retry.Max = duration(10 * time.Minute)
	}
	return r
}

// validate refuses what cannot work, naming the key.
func (c config) validate(file string) error {
	bad := func(format string, args ...any) error {
		return &hikyaku.Error{Kind: hikyaku.KindInvalid, Code: hikyaku.CodeConfigInvalid, Op: "check config", Subject: file, Message: fmt.Sprintf(format, args...)}
	}
	if c.DefaultRoute != "" {
		if _, ok := c.Routes[c.DefaultRoute]; !ok {
			return bad("default_route: there is no route %q", c.DefaultRoute)
		}
	}
	if c.KeptFiles < 0 || c.KeptFiles > maxKeptFiles {
		return bad("kept_files: %d is not between 0 and %d", c.KeptFiles, maxKeptFiles)
	}
	for _, l := range []struct{ key, addr string }{{"local", c.Listen.Local}, {"api", c.Listen.API}, {"s3", c.Listen.S3}} {
		if err := checkListen(l.addr); err != nil {
			return bad("listen.%s: %v", l.key, err)
		}
	}
	if err := c.Access.validate(c.Listen.Console); err != nil {
		return bad("%v", err)
	}
	for _, u := range []struct{ key, url string }{{"s3.endpoint", c.S3.Endpoint}, {"queue.url", c.Queue.URL}, {"queue.dead_letter_url", c.Queue.DeadLetterURL}} {
		if u.url != "" && u.url != embedded && !isWebAddress(u.url) {
			return bad("%s: %q is neither %q nor an http or https address", u.key, u.url, embedded)
		}
	}
	if c.Queue.URL != embedded && c.Queue.DeadLetterURL == "" {
		return bad("queue: dead_letter_url is required with a queue outside this server")
	}
	for _, name := range c.routeNames() {
		r := c.Routes[name]
		for _, l := range []struct{ key, location string }{{"source", r.Source}, {"destination", r.Destination}} {
			if err := checkLocation(l.location); err != nil {
				return bad("routes.%s.%s: %v", name, l.key, err)
			}
		}
		if r.Pool < 1 || r.Pool > 100 {
			return bad("routes.%s.pool: %d is not between 1 and 100", name, r.Pool)
		}
		if err := r.route(name).Validate(); err != nil {
			return bad("routes.%s: %v", name, err)
		}
	}
	if err := c.checkCompletions(); err != nil {
		return bad("%v", err)
	}
	return nil
}

// routeNames returns the routes' names in order.
func (c config) routeNames() []string {
	names := make([]string, 0, len(c.Routes))
	for name := range c.Routes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// routes returns the domain's routes in order of name.
func (c config) routes() []hikyaku.Route {
	var rs []hikyaku.Route
	for _, name := range c.routeNames() {
		rs = append(rs, c.Routes[name].route(name))
	}
	return rs
}

func (r routeConfig) route(name string) hikyaku.Route {
	return hikyaku.Route{
		Name: name, Queue: r.Queue, Source: r.Source, Destination: r.Destination,
		Include: r.Include, KeyPattern: r.KeyPattern, IDPattern: r.IDPattern,
		Ready: hikyaku.Ready{Quiet: time.Duration(r.Ready.Quiet), Marker: r.Ready.Marker},
		Pool:  r.Pool, VerifyMode: r.Verify, TransferMode: r.TransferMode, BytesPerSecond: r.BytesPerSecond,
		MaxAttempts: r.MaxAttempts, Retry: hikyaku.Retry{First: time.Duration(r.Retry.First), Max: time.Duration(r.Retry.Max)},
		AllowEmpty: r.AllowEmpty, LaunchTimeout: time.Duration(r.LaunchTimeout), StallTimeout: time.Duration(r.StallTimeout),
	}
}
