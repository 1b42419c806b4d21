package main

import (
	"context"
	"time"

	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/cmd/hikyaku/stack"
	"github.com/hikyaku/hikyaku/console"
)

// connect returns the client that the commands talk through: to a server over
// HTTP, to an AWS stack through a console in this process.
func connect(ctx context.Context, c cli.Connection) (*console.Client, error) {
	if c.Stack == "" {
		return cli.Dial(ctx, c)
	}
	s, err := openStack(ctx, c.Stack, c.Profile, c.Region)
	if err != nil {
		return nil, err
	}
	return s.Client(version), nil
}

func openStack(ctx context.Context, name, profile, region string) (*stack.Stack, error) {
	return stack.Open(ctx, stack.Options{Name: name, Profile: profile, Region: region, Now: time.Now})
}
