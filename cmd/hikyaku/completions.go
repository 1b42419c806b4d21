package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/lambda"
	"github.com/hikyaku/hikyaku/sqs"
)

// completionConfig is one target of completion events: a webhook or a queue.
type completionConfig struct {
	// Routes are those whose transfers it is told of; empty: all.
	Routes  []string            `yaml:"routes"`
	Webhook *webhookConfig      `yaml:"webhook"`
	Queue   *completionSQSQueue `yaml:"queue"`
}

// webhookConfig is an HTTP endpoint that gets a POST for every event.
type webhookConfig struct {
	// URL is https, or http to a loopback address.
	URL string `yaml:"url"`
	// SecretFile holds the key that requests are signed with; empty: not signed.
	SecretFile string `yaml:"secret_file"`
	// Headers are sent with every request.
	Headers map[string]string `yaml:"headers"`
	// Timeout bounds one request; 0 is 5 s.
	Timeout duration `yaml:"timeout"`
}

// completionSQSQueue is a queue that gets a message for every event: Name of
// this server's own, made when it is not there, or URL of one outside.
type completionSQSQueue struct {
	Name    string `yaml:"name"`
	URL     string `yaml:"url"`
	Region  string `yaml:"region"`
	Profile string `yaml:"profile"`
}

const (
	maxTargets        = 10
	maxWebhookTimeout = 30 * time.Second
	maxSecret         = 4096 // bytes
)

// checkCompletions refuses targets that cannot work, naming the key.
func (c config) checkCompletions() error {
	if len(c.Completions) > maxTargets {
		return fmt.Errorf("completions: %d targets; %d are possible", len(c.Completions), maxTargets)
	}
	for _, name := range c.targetNames() {
		if err := c.checkTarget(name); err != nil {
			return fmt.Errorf("completions.%s%w", name, err)
		}
	}
	return nil
}

func (c config) checkTarget(name string) error {
	t := c.Completions[name]
	if ok, err := regexp.MatchString(`^[a-z0-9][a-z0-9._-]{0,63}$`, name); err != nil || !ok {
		return errors.New(": a target's name is up to 64 of a-z, 0-9, '.', '_' and '-'")
	}
	for _, route := range t.Routes {
		if _, ok := c.Routes[route]; !ok {
			return fmt.Errorf(".routes: there is no route %q", route)
		}
	}
	switch {
	case (t.Webhook == nil) == (t.Queue == nil):
		return errors.New(": give it either webhook or queue")
	case t.Webhook != nil:
		if key, err := t.Webhook.check(); err != nil {
			return fmt.Errorf(".webhook.%s: %w", key, err)
		}
		return nil
	}
	q := t.Queue
	switch {
	case (q.Name == "") == (q.URL == ""):
		return errors.New(".queue: give either name, of a queue of this server, or url")
	case q.URL != "" && !isWebAddress(q.URL):
		return fmt.Errorf(".queue.url: %q is not an http or https address", q.URL)
	case slices.Contains(c.queueNames(), q.Name), c.Queue.URL != embedded && q.URL == c.Queue.URL:
		return errors.New(".queue: IDs come from this queue; events sent to it would be taken for messages")
	case q.Name != "" && !queueName().MatchString(q.Name):
		return fmt.Errorf(".queue.name: %q is not a queue's name: up to 80 of a-z, A-Z, 0-9, '_' and '-'", q.Name)
	}
	return nil
}

func queueName() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_-]{1,80}$`) }

// check returns the key of what cannot work.
func (w *webhookConfig) check() (key string, err error) {
	if _, err := lambda.NewWebhook(lambda.WebhookOptions{URL: w.URL, Client: &http.Client{}, Now: time.Now}); err != nil {
		return "url", fmt.Errorf("%q is neither https nor http to a loopback address", w.URL)
	}
	if w.SecretFile != "" {
		if _, err := w.secret(); err != nil {
			return "secret_file", err
		}
	}
	for name, value := range w.Headers {
		lower := strings.ToLower(name)
		switch {
		case !headerName().MatchString(name), strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return "headers", fmt.Errorf("%q is no header, or its value has control characters", name)
		case strings.HasPrefix(lower, "hikyaku-"), slices.Contains([]string{"content-type", "content-length", "user-agent", "host", "connection", "transfer-encoding"}, lower):
			return "headers", fmt.Errorf("%q is set by the server itself", name)
		}
	}
	if t := time.Duration(w.Timeout); t > maxWebhookTimeout || t > 0 && t < 100*time.Millisecond {
		return "timeout", fmt.Errorf("%s is not between 100ms and %s", t, maxWebhookTimeout)
	}
	return "", nil
}

func headerName() *regexp.Regexp { return regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+.^_`|~-]+$") }

// secret reads the key that requests are signed with. It is read for every
// request, so that it can be changed while the server runs.
func (w *webhookConfig) secret() ([]byte, error) {
	text, err := os.ReadFile(w.SecretFile)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 || len(text) > maxSecret {
		return nil, fmt.Errorf("%s holds %d bytes; use 1 to %d", w.SecretFile, len(text), maxSecret)
	}
	return text, nil
}

// targetNames are the names of the targets in order.
func (c config) targetNames() []string {
	var names []string
	for name := range c.Completions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// completions opens the targets of completion events.
func (s *server) completions(ctx context.Context) ([]dispatch.Target, error) {
	var targets []dispatch.Target
	for _, name := range s.cfg.targetNames() {
		c := s.cfg.Completions[name]
		t := dispatch.Target{Name: name, Routes: c.Routes}
		var err error
		if c.Webhook != nil {
			t.Sender, err = c.Webhook.open()
		} else {
			t.Sender, err = s.completionQueue(ctx, *c.Queue)
		}
		if err != nil {
			return nil, fmt.Errorf("open the target %s of completion events: %w", name, err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func (w *webhookConfig) open() (*lambda.Webhook, error) {
	o := lambda.WebhookOptions{URL: w.URL, Headers: w.Headers, Timeout: time.Duration(w.Timeout), Client: &http.Client{}, Now: time.Now}
	if w.SecretFile != "" {
		o.Secret = func(context.Context) ([]byte, error) { return w.secret() }
	}
	return lambda.NewWebhook(o)
}

func (s *server) completionQueue(ctx context.Context, c completionSQSQueue) (hikyaku.Queue, error) {
	if c.Name != "" {
		client := s.sqsClient()
		url, _, err := sqs.Ensure(ctx, client, c.Name, sqs.EnsureOptions{Retention: 14 * 24 * time.Hour})
		if err != nil {
			return nil, err
		}
		return sqs.Open(ctx, client, sqs.Options{URL: url})
	}
	cfg, err := loadAWS(ctx, c.Region, c.Profile)
	if err != nil {
		return nil, err
	}
	return sqs.Open(ctx, sqssdk.NewFromConfig(cfg), sqs.Options{URL: c.URL})
}
