package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
)

// demoFlags scale the demo.
type demoFlags struct {
	once             bool
	ids, files, pool int
	size             int64
	timeout          time.Duration
	verbose          bool
}

const (
	demoBucket  = "outbox"
	demoMissing = "no-such-id"
	demoPoison  = `{"id": 42, "oops"`
)

// newDemoCommand returns hikyaku demo.
func newDemoCommand(env environment) *cobra.Command {
	f := demoFlags{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: env.t("Run the whole system on generated files, for you to watch", "生成したファイルで全体を動かし、ID が届く様子を見る"),
		Long: env.t(`Start a server on free ports in a temporary folder, upload generated files
through the S3 API, send their IDs through the SQS API (one that has no files
and one poison message among them), show the progress, compare what was
delivered, and stay up until interrupted. With --once exit instead: 0 if
everything ended as it should.`, `一時フォルダと空きポートでサーバーを起動し、生成したファイルを S3 API で置き、ID を SQS API で
送り (ファイルのない ID と壊れたメッセージを一つずつ含む)、進み具合を表示し、届いたものを比べ、
中断されるまで動き続けます。--once では終わると戻ります: すべてがあるべき結果なら 0。`),
		Example: `  hikyaku demo
  hikyaku demo --once --ids 100 --files 10 --size 65536 --pool 8`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), env, outputFormat(cmd), f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.once, "once", false, env.t("exit when everything has ended", "すべてが終わったら終了する"))
	fl.IntVar(&f.ids, "ids", 12, env.t("number of IDs", "ID の数"))
	fl.IntVar(&f.files, "files", 5, env.t("files per ID", "ID ごとのファイル数"))
	fl.Int64Var(&f.size, "size", 256<<10, env.t("bytes per file", "ファイルのバイト数"))
	fl.IntVar(&f.pool, "pool", 4, env.t("DataSync tasks in the pool", "プールの DataSync タスクの数"))
	fl.DurationVar(&f.timeout, "timeout", 30*time.Minute, env.t("give up after this long", "この時間で諦める"))
	fl.BoolVar(&f.verbose, "verbose", false, env.t("show the server's log", "サーバーのログを表示する"))
	return cmd
}

func (f demoFlags) validate() error {
	if f.ids < 1 || f.files < 1 || f.size < 0 || f.pool < 1 || f.pool > 100 {
		return invalid("demo flags", "--ids and --files must be at least 1, --size at least 0, --pool 1 to 100")
	}
	return nil
}

func runDemo(ctx context.Context, env environment, output cli.Printer, f demoFlags) (err error) {
	if err := f.validate(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hikyaku-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder; nothing to tell
	cfg := newConfig(dir)
	cfg.Listen = listenConfig{Console: "127.0.0.1:0", API: "127.0.0.1:0", S3: "127.0.0.1:0"}
	cfg.Routes = map[string]routeConfig{"demo": routeConfig{
		Source: "s3://" + demoBucket + "/", Destination: "file://" + filepath.Join(dir, "delivered"), Pool: f.pool,
	}.withDefaults()}
	cfg.DefaultRoute = "demo"
	logTo := io.Discard
	if f.verbose {
		logTo = env.stderr
	}
	say := func(format string, args ...any) { fmt.Fprintf(env.stderr, format+"\n", args...) } //nolint:errcheck // progress only

	srv, err := startServer(ctx, cfg, slog.New(slog.NewTextHandler(logTo, nil)))
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := srv.Stop(context.WithoutCancel(ctx)); err == nil {
			err = stopErr
		}
	}()
	say(env.t("server up, data in %s\nconsole: %s", "サーバー起動。データ: %s\nコンソール: %s"), dir, srv.consoleLink())
	d := &demo{flags: f, srv: srv, dir: dir, sent: map[string]time.Time{}}
	say(env.t("uploading %d files of %d IDs to s3://%s through the S3 API", "ファイル %d 件 (ID %d 件) を S3 API で s3://%s へ"), f.ids*f.files, f.ids, demoBucket)
	if err := d.upload(ctx); err != nil {
		return err
	}
	stop := d.watch(ctx, env, output.Text())
	say(env.t("sending %d messages, one ID missing and one poison, through the SQS API", "メッセージ %d 件を SQS API で送信 (ファイルのない ID と壊れたもの各 1 件を含む)"), f.ids+2)
	err = d.deliver(ctx)
	stop()
	if err != nil {
		return err
	}
	report, err := d.report(ctx, env)
	if err != nil {
		return err
	}
	if err := printResult(env.stdout, output, report, report.Rows, func(w io.Writer) error { return report.text(w, env) }); err != nil {
		return err
	}
	if f.once || ctx.Err() != nil {
		return report.verdict()
	}
	say(env.t("\nThe server stays up; Ctrl-C ends it and removes the folder. Console:\n  %s\nUse it from another terminal:\n  %s",
		"\nサーバーは動き続けます。Ctrl-C で終了し、フォルダーを消します。コンソール:\n  %s\n別の端末から使うには:\n  %s"), srv.consoleLink(), envCommand(dir))
	<-ctx.Done()
	return report.verdict()
}

// demo is one run.
type demo struct {
	flags demoFlags
	srv   *server
	dir   string

	mu    sync.Mutex
	sent  map[string]time.Time // by ID, when SendMessage was called
	start time.Time
	took  time.Duration
	ended map[string]time.Time
}

func (d *demo) id(n int) string { return fmt.Sprintf("A-%05d", n+1) }

// content is the n-th ID's f-th file: the same on every call, different for every file.
func (d *demo) content(n, f int) []byte {
	seed := []byte(d.id(n) + "/" + strconv.Itoa(f) + "\n")
	return bytes.Repeat(seed, int(d.flags.size)/len(seed)+1)[:d.flags.size]
}

// upload puts the generated files through the S3 API.
func (d *demo) upload(ctx context.Context) error {
	client := d.srv.s3Client()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for n := range d.flags.ids {
		for f := range d.flags.files {
			g.Go(func() error {
				_, err := client.PutObject(ctx, &s3.PutObjectInput{
					Bucket: aws.String(demoBucket), Key: aws.String(fmt.Sprintf("%s/file-%03d.txt", d.id(n), f)),
					Body: bytes.NewReader(d.content(n, f)),
				})
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("upload through the S3 API: %w", err)
	}
	return nil
}

// deliver sends the IDs and waits until every transfer has ended.
func (d *demo) deliver(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.flags.timeout, fmt.Errorf("not done after %s", d.flags.timeout))
	defer cancel()
	d.mu.Lock()
	d.ended = make(map[string]time.Time, d.flags.ids)
	d.mu.Unlock()
	done := make(chan struct{})
	unsubscribe := d.srv.ledger.Subscribe(func(t hikyaku.Transfer) {
		if !t.State.Ended() {
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if _, seen := d.ended[t.TransferID]; seen {
			return
		}
		d.ended[t.TransferID] = time.Now()
		if len(d.ended) == d.flags.ids+2 {
			close(done)
		}
	})
	defer unsubscribe()
	d.start = time.Now()
	if err := d.send(ctx); err != nil {
		return err
	}
	select {
	case <-done:
		d.took = time.Since(d.start)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the transfers: %w", context.Cause(ctx))
	}
}

// send sends all IDs in batches of ten, several batches at once.
func (d *demo) send(ctx context.Context) error {
	bodies := make([]string, 0, d.flags.ids+2)
	for n := range d.flags.ids {
		bodies = append(bodies, d.id(n))
	}
	bodies = append(bodies, demoMissing, demoPoison)
	client, url := d.srv.sqsClient(), d.srv.endpoints.QueueURL
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for from := 0; from < len(bodies); from += 10 {
		batch := bodies[from:min(from+10, len(bodies))]
		g.Go(func() error {
			in := &sqssdk.SendMessageBatchInput{QueueUrl: aws.String(url)}
			now := time.Now()
			d.mu.Lock()
			for i, body := range batch {
				in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(body)})
				d.sent[body] = now
			}
			d.mu.Unlock()
			out, err := client.SendMessageBatch(ctx, in)
			if err == nil && len(out.Failed) > 0 {
				err = fmt.Errorf("%s: %s", aws.ToString(out.Failed[0].Code), aws.ToString(out.Failed[0].Message))
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("send through the SQS API: %w", err)
	}
	return nil
}
