package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/oklog/ulid/v2"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// CanaryOptions say how a canary is sent.
type CanaryOptions struct {
	// ID of the canary; empty makes a fresh one.
	ID string
	// Timeout is how long the delivery may take; 0 is 15 minutes.
	Timeout time.Duration
	// PathStyle addresses the bucket in the path, as an endpoint that is not
	// Amazon's needs it.
	PathStyle bool
}

const (
	canaryTimeout = 15 * time.Minute
	// canaryFile is what lies under the ID.
	canaryFile = "canary"
	// eventsWithin is when the bucket's own notification about the canary has
	// surely come: its transfer must not find the file gone.
	eventsWithin = 10 * time.Second
	canaryLook   = time.Second
)

// Canary puts one byte under a fresh ID at the source, sends the ID, waits for
// its end and removes the byte again. What was delivered stays at the
// destination. It proves every permission on the way, the destination's among
// them.
func (s *Stack) Canary(ctx context.Context, lang console.Lang, o CanaryOptions) []Finding {
	c := &canary{report: report{lang: lang}, stack: s, id: o.ID, operator: s.Operator(), client: s3sdk.NewFromConfig(s.cfg, func(opts *s3sdk.Options) { opts.UsePathStyle = o.PathStyle })}
	if c.id == "" {
		c.id = "hikyaku-canary-" + ulid.Make().String()
	}
	if o.Timeout <= 0 {
		o.Timeout = canaryTimeout
	}
	name := "canary " + s.Route
	t, err := c.fly(ctx, o.Timeout)
	switch {
	case err != nil:
		c.failed(name, err, c.t("correct what is said above, then try again", "上の指摘を直してから、もう一度実行してください"))
		c.findings[0].Status = statusFail
	case t.State != hikyaku.Succeeded:
		detail, remedy := c.t("%s ended %s", "%s は %s で終わりました", c.id, t.State), "hikyaku show "+t.TransferID+" --stack "+s.Name
		if t.Failure != nil {
			detail += ": " + t.Failure.Code + " " + t.Failure.Message + " " + t.Failure.Detail
			if entry, known := hikyaku.Lookup(t.Failure.Code); known {
				remedy = entry.Text(string(lang)).Remedy
			}
		}
		c.add(statusFail, name, detail, remedy)
	default:
		d := t.Durations
		c.ok(name, c.t("%s delivered in %s (queued %s, launching %s, preparing %s, transferring %s, verifying %s); the source's byte is removed, the delivered one stays under %s/%s",
			"%s を %s で届けました (待機 %s、起動 %s、準備 %s、転送 %s、検証 %s)。送り元の 1 バイトは消し、届け先の %s/%s は残っています",
			c.id, millis(d.Total), millis(d.Queued), millis(d.Launching), millis(d.Preparing), millis(d.Transferring), millis(d.Verifying),
			strings.TrimSuffix(c.route.Destination, "/"), c.id))
	}
	return c.findings
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

type canary struct {
	report
	stack    *Stack
	operator *Operator
	client   *s3sdk.Client
	route    hikyaku.Route
	id       string
	// bucket and keys are what was put.
	bucket string
	keys   []string
}

// fly delivers the canary and removes what it put.
func (c *canary) fly(ctx context.Context, timeout time.Duration) (t hikyaku.Transfer, err error) {
	routes, err := c.operator.readRoutes(ctx)
	if err != nil {
		return t, err
	}
	for _, r := range routes {
		if r.Name == c.stack.Route {
			c.route = r
		}
	}
	if err := c.route.CheckID(c.id); err != nil {
		return t, fmt.Errorf("%w (%s)", err, c.t("name one that fits with --canary-id", "--canary-id で合う ID を指定してください"))
	}
	defer func() {
		if removeErr := c.remove(context.WithoutCancel(ctx)); removeErr != nil {
			err = errors.Join(err, removeErr)
		}
	}()
	put := c.stack.now()
	if err := c.put(ctx); err != nil {
		return t, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &hikyaku.Error{Kind: hikyaku.KindTransient, Op: "wait for", Subject: c.id, Message: c.t("not delivered within %s", "%s 以内に届きませんでした", timeout)})
	defer cancel()
	if t, err = c.operator.Send(ctx, hikyaku.Send{ID: c.id, Route: c.route.Name}, hikyaku.Act{}); err != nil {
		return t, err
	}
	return c.follow(ctx, t, put)
}

// put writes the byte, and the marker that makes the ID complete.
func (c *canary) put(ctx context.Context) error {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(c.route.Source, "s3://"), "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	c.bucket = bucket
	names := []string{canaryFile}
	if c.route.Ready.Marker != "" {
		names = append(names, c.route.Ready.Marker)
	}
	for _, name := range names {
		key := prefix + c.id + "/" + name
		if _, err := c.client.PutObject(ctx, &s3sdk.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte("1"))}); err != nil {
			return wrap("s3:PutObject", "s3://"+bucket+"/"+key, err)
		}
		c.keys = append(c.keys, key)
	}
	return nil
}

// follow waits for the transfer's end, and for that of others that the
// bucket's notifications made of the same ID.
func (c *canary) follow(ctx context.Context, t hikyaku.Transfer, put time.Time) (hikyaku.Transfer, error) {
	ledger := c.stack.Ledger()
	tick := time.NewTicker(canaryLook)
	defer tick.Stop()
	for {
		page, err := ledger.Transfers(ctx, hikyaku.Query{ID: c.id, Limit: seekAmong})
		if err == nil {
			t, err = ledger.Transfer(ctx, t.TransferID)
		}
		if err != nil && ctx.Err() == nil {
			return t, err
		}
		ended := t.State.Ended()
		for _, other := range page.Transfers {
			ended = ended && other.State.Ended()
		}
		if ended && (c.route.KeyPattern == "" || c.stack.now().Sub(put) >= eventsWithin) {
			return t, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return t, fmt.Errorf("%w; %s %s %s", context.Cause(ctx), t.State, t.WaitingReason, t.ExecutionStatus)
		}
	}
}

func (c *canary) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var errs []error
	for _, key := range c.keys {
		_, err := c.client.DeleteObject(ctx, &s3sdk.DeleteObjectInput{Bucket: &c.bucket, Key: &key})
		errs = append(errs, wrap("s3:DeleteObject", "s3://"+c.bucket+"/"+key, err))
	}
	return errors.Join(errs...)
}
