package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	datasynctypes "github.com/aws/aws-sdk-go-v2/service/datasync/types"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/datasyncapi"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/sqs"
	"github.com/hikyaku/hikyaku/sqsapi"
)

// startAPI serves SQS and DataSync on one listener.
func (s *server) startAPI(ctx context.Context) error {
	verifier := awsjson.NewVerifier(awsjson.VerifierOptions{Lookup: s.lookupKey, Now: time.Now})
	mux := awsjson.NewMux(
		sqsapi.New(sqsapi.Options{Queues: s.queues, Verifier: verifier, AllowHost: loopbackHost, Logger: s.logger, Now: time.Now}),
		datasyncapi.New(datasyncapi.Options{Mover: s.mover, Verifier: verifier, AllowHost: loopbackHost, Logger: s.logger, Now: time.Now}),
	)
	addr, err := s.listen(ctx, "api", s.cfg.Listen.API, mux)
	if err != nil {
		return err
	}
	admin := s.keys.admin()
	s.endpoints.API, s.endpoints.Region = addr, s.region()
	s.endpoints.AccessKeyID, s.endpoints.SecretAccessKey, s.endpoints.Token = admin.AccessKeyID, admin.SecretAccessKey, admin.Token
	return nil
}

// startConsole serves the JSON API and the pages.
func (s *server) startConsole(ctx context.Context) error {
	access, err := s.access(ctx)
	if err != nil {
		return err
	}
	h := console.New(console.Options{
		Ledger: s.ledger, Operator: operator{s.dispatcher, s.daemon.Kick}, Files: fileLister{s.mover}, Authenticate: s.tokens.authenticate,
		Access: access, AllowedHosts: s.cfg.Access.allowedHosts(s.cfg.Listen.Console),
		Ready: func(context.Context) error {
			if !s.ready.Load() {
				return &hikyaku.Error{Kind: hikyaku.KindBusy, Message: "starting or stopping"}
			}
			return nil
		},
		Now: time.Now, Logger: s.logger, Version: version,
	})
	addr, err := s.listenForPeople(ctx, h)
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { h.Close(); return nil })
	s.endpoints.Console, s.endpoints.PID = addr, os.Getpid()
	return nil
}

// lookupKey finds the secret and scopes behind an access key ID.
func (s *server) lookupKey(_ context.Context, accessKeyID string) (awsjson.Key, bool) {
	k, ok := s.keys.byID(accessKeyID)
	key := awsjson.Key{Secret: k.SecretAccessKey}
	for _, scope := range k.Scopes {
		key.Scopes = append(key.Scopes, awsjson.Scope(scope))
	}
	return key, ok
}

// loopbackHost is the guard against DNS rebinding: requests must name this
// machine's loopback interface.
func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return isLoopback(strings.Trim(host, "[]"))
}

func (s *server) credentials() aws.CredentialsProvider {
	admin := s.keys.admin()
	return credentials.NewStaticCredentialsProvider(admin.AccessKeyID, admin.SecretAccessKey, "")
}

// dataSyncClient talks to our own DataSync through its endpoint.
func (s *server) dataSyncClient() *datasyncsdk.Client {
	return datasyncsdk.New(datasyncsdk.Options{
		BaseEndpoint: aws.String(s.endpoints.API), Region: s.region(), Credentials: s.credentials(), HTTPClient: s.http(),
	})
}

// sqsClient talks to our own queues through their endpoint.
func (s *server) sqsClient() *sqssdk.Client {
	return sqssdk.New(sqssdk.Options{
		BaseEndpoint: aws.String(s.endpoints.API), Region: s.region(), Credentials: s.credentials(), HTTPClient: s.http(),
	})
}

// s3Client talks to the embedded S3 through its endpoint.
func (s *server) s3Client() *s3sdk.Client {
	return s3sdk.New(s3sdk.Options{
		BaseEndpoint: aws.String(s.endpoints.S3), Region: s.region(), Credentials: s.credentials(), UsePathStyle: true, HTTPClient: s.http(),
	})
}

// openQueues makes the queues that routes name, each with its dead-letter queue.
func (s *server) openQueues(ctx context.Context) error {
	if s.cfg.Queue.URL != embedded {
		s.endpoints.QueueURL, s.endpoints.DLQURL = s.cfg.Queue.URL, s.cfg.Queue.DeadLetterURL
		return nil
	}
	client := s.sqsClient()
	for _, name := range s.cfg.queueNames() {
		dlq, dlqARN, err := sqs.Ensure(ctx, client, name+deadLetterAfter, sqs.EnsureOptions{Retention: 14 * 24 * time.Hour})
		if err != nil {
			return fmt.Errorf("make queue %s: %w", name+deadLetterAfter, err)
		}
		url, _, err := sqs.Ensure(ctx, client, name, sqs.EnsureOptions{
			Visibility: 60 * time.Second, Retention: 4 * 24 * time.Hour, DeadLetterARN: dlqARN, MaxReceives: 10,
		})
		if err != nil {
			return fmt.Errorf("make queue %s: %w", name, err)
		}
		if name == defaultQueue || s.endpoints.QueueURL == "" {
			s.endpoints.QueueURL, s.endpoints.DLQURL = url, dlq
		}
	}
	return nil
}

// inboundQueues opens the queues the daemon reads and, by the same names,
// their dead-letter queues.
func (s *server) inboundQueues(ctx context.Context) ([]hikyaku.Queue, map[string]hikyaku.Queue, error) {
	client := s.sqsClient()
	pairs := map[string][2]string{}
	if s.cfg.Queue.URL == embedded {
		base := s.endpoints.API + "/" + account + "/"
		for _, name := range s.cfg.queueNames() {
			pairs[name] = [2]string{base + name, base + name + deadLetterAfter}
		}
	} else {
		cfg, err := loadAWS(ctx, s.cfg.Queue.Region, s.cfg.Queue.Profile)
		if err != nil {
			return nil, nil, err
		}
		client = sqssdk.NewFromConfig(cfg)
		pairs[s.cfg.Queue.URL[strings.LastIndexByte(s.cfg.Queue.URL, '/')+1:]] = [2]string{s.cfg.Queue.URL, s.cfg.Queue.DeadLetterURL}
	}
	var inbound []hikyaku.Queue
	dead := map[string]hikyaku.Queue{}
	for name, urls := range pairs {
		q, err := sqs.Open(ctx, client, sqs.Options{URL: urls[0], Name: name})
		if err != nil {
			return nil, nil, err
		}
		inbound = append(inbound, q)
		if dead[name], err = sqs.Open(ctx, client, sqs.Options{URL: urls[1]}); err != nil {
			return nil, nil, err
		}
	}
	return inbound, dead, nil
}

// queueNames are the embedded queues: the default one and those routes name.
func (c config) queueNames() []string {
	names := []string{defaultQueue}
	for _, r := range c.Routes {
		if r.Queue != "" && !slices.Contains(names, r.Queue) {
			names = append(names, r.Queue)
		}
	}
	slices.Sort(names)
	return names
}

// missingQueues are those of next that prev did not have.
func missingQueues(prev, next config) []string {
	var missing []string
	for _, name := range next.queueNames() {
		if !slices.Contains(prev.queueNames(), name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// buckets are those that routes name.
func (c config) buckets() []string {
	var names []string
	for _, r := range c.Routes {
		for _, location := range []string{r.Source, r.Destination} {
			if rest, ok := strings.CutPrefix(location, "s3://"); ok {
				bucket, _, _ := strings.Cut(rest, "/")
				if !slices.Contains(names, bucket) {
					names = append(names, bucket)
				}
			}
		}
	}
	return names
}

// pools describes the tasks each route wants. A folder's location comes from
// this config alone, never through the API.
func (s *server) pools(ctx context.Context) ([]datasync.Pool, error) {
	var pools []datasync.Pool
	for _, r := range s.cfg.routes() {
		p := datasync.Pool{Route: r.Name, Size: r.Pool, Options: datasynctypes.Options{
			VerifyMode: datasynctypes.VerifyMode(r.VerifyMode), TransferMode: datasynctypes.TransferMode(r.TransferMode),
			Uid: datasynctypes.UidNone, Gid: datasynctypes.GidNone, PosixPermissions: datasynctypes.PosixPermissionsNone,
			Atime: datasynctypes.AtimeBestEffort, Mtime: datasynctypes.MtimePreserve,
			TaskQueueing: datasynctypes.TaskQueueingDisabled, ObjectTags: datasynctypes.ObjectTagsNone,
		}}
		var err error
		if p.Source, err = s.location(ctx, r.Source); err == nil {
			p.Destination, err = s.location(ctx, r.Destination)
		}
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Name, err)
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// location turns a config location into what the provisioner wants.
func (s *server) location(ctx context.Context, location string) (datasync.Location, error) {
	if rest, ok := strings.CutPrefix(location, "s3://"); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		return datasync.Location{Bucket: bucket, Prefix: prefix}, nil
	}
	arn, err := s.mover.EnsureFileLocation(ctx, strings.TrimPrefix(location, "file://"), mover.FileOptions{})
	return datasync.Location{ARN: arn}, err
}

// loadAWS loads the normal AWS credential chain.
func loadAWS(ctx context.Context, region, profile string) (aws.Config, error) {
	var opts []func(*awsconfig.LoadOptions) error
	if region != "" {
		opts = append(opts, awsconfig.WithRegion(region))
	}
	if profile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return cfg, &hikyaku.Error{Kind: hikyaku.KindDenied, Op: "load AWS credentials", Err: err}
	}
	return cfg, nil
}
