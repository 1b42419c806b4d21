package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestStack runs testdata/stack/*.txtar, the real binary against a stack, and
// the console of one. Commands beside those of TestScripts:
//
//	put ID [NAME…]       put files of an ID into the stack's source
//	deliver KEY          put the same content into the stack's destination
//	message BODY         send a message to the stack's queue
//	break WHAT           break what doctor looks at, see scriptBreak
//	waitfor TEXT CMD…    run CMD until its output contains TEXT
func TestStack(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "stack", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	built := buildFunctions(t)
	bin := builtBinary(t)
	t.Run("console", func(t *testing.T) {
		t.Parallel()
		newBed(t, built).console(t, bin)
	})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			newBed(t, built).script(t, bin, file)
		})
	}
}

// env is what the binary gets.
func (b *bed) env() []string {
	return append(b.endpoints(), "AWS_ENDPOINT_URL_LAMBDA="+b.lambda, "AWS_REGION="+bedRegion, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/nowhere/config", "AWS_SHARED_CREDENTIALS_FILE=/nowhere/credentials", "LANG=C.UTF-8")
}

func (b *bed) script(t *testing.T, bin, file string) {
	t.Helper()
	offline := b.agentOffline(t)
	testscript.Run(t, testscript.Params{
		Files: []string{file}, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("DATASYNC_AGENT_OFFLINE", offline)
			for _, v := range b.env() {
				name, value, _ := strings.Cut(v, "=")
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": scriptExitCode, "put": b.scriptPut, "deliver": b.scriptDeliver, "message": b.scriptMessage, "break": b.scriptBreak, "waitfor": scriptWaitFor,
		},
	})
}

func (b *bed) scriptPut(ts *testscript.TestScript, _ bool, args []string) {
	names := args[1:]
	if len(names) == 0 {
		names = []string{"a.txt"}
	}
	for _, name := range names {
		ts.Check(b.upload(context.Background(), args[0]+"/"+name))
	}
}

func (b *bed) upload(ctx context.Context, key string) error {
	_, err := b.s3().PutObject(ctx, &s3sdk.PutObjectInput{Bucket: aws.String("stack-outbox"), Key: &key, Body: strings.NewReader("hello\n")})
	return err
}

func (b *bed) scriptDeliver(ts *testscript.TestScript, _ bool, args []string) {
	_, err := b.s3().PutObject(context.Background(), &s3sdk.PutObjectInput{Bucket: aws.String("stack-archive"), Key: &args[0], Body: strings.NewReader("hello\n")})
	ts.Check(err)
}

func (b *bed) scriptMessage(ts *testscript.TestScript, _ bool, args []string) {
	_, err := sqssdk.NewFromConfig(b.cfg).SendMessage(context.Background(), &sqssdk.SendMessageInput{QueueUrl: &b.queueURL, MessageBody: &args[0]})
	ts.Check(err)
}

func scriptWaitFor(ts *testscript.TestScript, _ bool, args []string) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		err := ts.Exec(args[1], args[2:]...)
		if out := ts.ReadFile("stdout"); err == nil && strings.Contains(out, args[0]) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s never said %q", strings.Join(args[1:], " "), args[0])
		}
	}
}
