package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/hikyaku/stack"
)

// stackCanary are doctor's flags for a stack.
type stackCanary struct {
	wanted  bool
	id      string
	timeout time.Duration
}

func (c *stackCanary) flags(cmd *cobra.Command, env environment) {
	f := cmd.Flags()
	f.BoolVar(&c.wanted, "canary", false, env.t("with --stack: also deliver a file of one byte", "--stack とともに、1 バイトのファイルを実際に届ける"))
	f.StringVar(&c.id, "canary-id", "", env.t("its ID, where the route's id_pattern refuses a made-up one", "ルートの id_pattern が自動の ID を拒むときの ID"))
	f.DurationVar(&c.timeout, "timeout", 15*time.Minute, env.t("with --canary: give up after this long", "--canary で待つ時間の上限"))
}

// diagnose checks a stack if one is named, a server otherwise.
func (c *stackCanary) diagnose(cmd *cobra.Command, env environment, file string) (*diagnosis, error) {
	name := flagValue(cmd, "stack")
	switch {
	case name == "" && (c.wanted || c.id != ""):
		return nil, invalid("--canary", "it needs --stack: a server's canary is any ID that is sent")
	case name == "":
		return diagnose(cmd.Context(), env, file, flagValue(cmd, "data")), nil
	case file != "" || flagValue(cmd, "data") != "":
		return nil, invalid("--stack", "it is for an AWS deployment; leave out --config and --data")
	case c.timeout <= 0:
		return nil, invalid("--timeout", "%s is not a time to wait", c.timeout)
	}
	found := c.check(cmd.Context(), env, stack.Options{Name: name, Profile: flagValue(cmd, "profile"), Region: flagValue(cmd, "region"), Now: time.Now})
	d := &diagnosis{}
	for _, f := range found {
		d.Findings = append(d.Findings, finding(f))
		if f.Status == "fail" {
			d.Failed++
		}
	}
	return d, nil
}

func (c *stackCanary) check(ctx context.Context, env environment, o stack.Options) []stack.Finding {
	s, err := stack.Open(ctx, o)
	if err != nil {
		what := "stack"
		if hikyaku.CodeOf(err) == hikyaku.CodeNoCredentials {
			what = "credentials"
		}
		return stack.Failed(what, err, env.lang)
	}
	found := s.Diagnose(ctx, env.lang)
	if c.wanted {
		found = append(found, s.Canary(ctx, env.lang, stack.CanaryOptions{
			ID: c.id, Timeout: c.timeout, PathStyle: env.getenv("AWS_ENDPOINT_URL_S3") != "" || env.getenv("AWS_ENDPOINT_URL") != "",
		})...)
	}
	return found
}
