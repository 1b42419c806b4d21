package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku"
)

// faultRoute is a route whose two sides are folders; its source has ID with
// one file of size bytes.
func faultRoute(t *testing.T, dir, name, id string, size int, more string) string {
	t.Helper()
	from := filepath.Join(dir, "from", name, id)
	if err := os.MkdirAll(from, 0o750); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte(id+" 飛脚\n"), size/len(id+" 飛脚\n")+1)
	if err := os.WriteFile(filepath.Join(from, "f"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("  %s: {source: \"file://%s/\", destination: \"file://%s\", pool: 1, max_attempts: 2, retry: {first: 50ms, max: 100ms}%s}\n",
		name, filepath.Join(dir, "from", name), filepath.Join(dir, "to", name), more)
}

// TestServe_DiskFaults gives each route another fault. Each transfer fails
// with its own code and remedy and shows no file; another route goes on; and
// once the fault is gone a rerun delivers, without a restart.
func TestServe_DiskFaults(t *testing.T) {
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	dir := t.TempDir()
	to := func(route string) string { return filepath.Join(dir, "to", route) }
	const mib = 1 << 20
	routes := faultRoute(t, dir, "healthy", "H", mib, "") + faultRoute(t, dir, "readonly", "R", 1000, "") +
		faultRoute(t, dir, "full", "F", 6*mib, "") + faultRoute(t, dir, "fullsmall", "S", 200_000, "") +
		faultRoute(t, dir, "gone", "G", 4*mib, ", bytes_per_second: 1000000") +
		faultRoute(t, dir, "unreadable", "U", 1000, "") + faultRoute(t, dir, "forbidden", "P", 1000, "")
	mount(t, to("readonly"), "size=1m")
	remount(t, to("readonly"), unix.MS_RDONLY, "size=1m")
	mount(t, to("full"), "size=1m")
	mount(t, to("fullsmall"), "size=64k")
	if err := os.MkdirAll(to("forbidden"), 0o500); err != nil {
		t.Fatal(err)
	}
	s := newFaultServer(ctx, t, dir, routes)
	if err := os.Chmod(s.source("unreadable", "U"), 0); err != nil {
		t.Fatal(err)
	}

	gone := s.send(ctx, "gone", "G")
	s.until(ctx, gone, "bytes move", func(x hikyaku.Transfer) bool { return x.Bytes.Transferred > 0 || x.State.Ended() })
	if err := os.RemoveAll(to("gone")); err != nil {
		t.Fatal(err)
	}
	readonly, full, fullSmall := s.send(ctx, "readonly", "R"), s.send(ctx, "full", "F"), s.send(ctx, "fullsmall", "S")
	unreadable, forbidden := s.send(ctx, "unreadable", "U"), s.send(ctx, "forbidden", "P")
	s.arrives(ctx, s.send(ctx, "healthy", "H"))

	s.refused(ctx, readonly, hikyaku.CodeDestinationDenied)
	s.refused(ctx, full, hikyaku.CodeNoSpace)
	s.refused(ctx, fullSmall, hikyaku.CodeNoSpace)
	s.refused(ctx, unreadable, hikyaku.CodeSourceDenied)
	s.refused(ctx, forbidden, hikyaku.CodeDestinationDenied)

	remount(t, to("readonly"), 0, "size=1m")
	remount(t, to("full"), 0, "size=32m")
	remount(t, to("fullsmall"), 0, "size=1m")
	if err := errors.Join(os.Chmod(to("forbidden"), 0o700), os.Chmod(s.source("unreadable", "U"), 0o600)); err != nil { //nolint:gosec // a folder
		t.Fatal(err)
	}
	for _, x := range []hikyaku.Transfer{readonly, full, fullSmall, unreadable, forbidden} {
		s.recovers(ctx, x)
	}

	// The folder that vanished is made again, by this attempt or by the next.
	if got := s.until(ctx, gone, "the transfer ends", ended); got.State == hikyaku.Succeeded {
		s.arrives(ctx, gone)
	} else {
		s.refused(ctx, gone, hikyaku.CodeDestinationUnavailable, hikyaku.CodeDestinationDenied)
		s.recovers(ctx, gone)
	}
}

// TestServe_DataFolderFull fills the disk with the ledger and the queues on
// it. What is refused is refused with an error of SQS's kind; what was
// acknowledged arrives once there is room again, without a restart.
func TestServe_DataFolderFull(t *testing.T) {
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	dir := t.TempDir()
	routes := faultRoute(t, dir, "orders", "A", 1000, "")
	mount(t, filepath.Join(dir, "data"), "size=24m")
	s := newFaultServer(ctx, t, dir, routes)
	queue := sqssdk.New(sqssdk.Options{
		BaseEndpoint: aws.String(s.endpoints.API), Region: s.endpoints.Region, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(s.endpoints.AccessKeyID, s.endpoints.SecretAccessKey, ""),
	})
	acked := map[string]bool{}
	offer := func(n int) error {
		id := fmt.Sprintf("A-%04d", n)
		from := s.source("orders", id)
		if err := errors.Join(os.MkdirAll(filepath.Dir(from), 0o750), os.WriteFile(from, []byte(id), 0o600)); err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"id":%q,"metadata":{"padding":%q}}`, id, strings.Repeat("x", 900))
		_, err := queue.SendMessage(ctx, &sqssdk.SendMessageInput{QueueUrl: aws.String(s.endpoints.QueueURL), MessageBody: aws.String(body)})
		if err == nil {
			acked[id] = true
		}
		return err
	}
	n := 0
	for ; n < 5; n++ {
		if err := offer(n); err != nil {
			t.Fatal(err)
		}
	}
	filler := filepath.Join(s.data(), "filler")
	fillUp(t, filler)
	var refusal error
	for ; refusal == nil && n < 3000; n++ {
		refusal = offer(n)
	}
	answer, ok := errors.AsType[smithy.APIError](refusal)
	if !ok {
		t.Fatalf("after %d messages on a full disk: %v, want an error of the service", n, refusal)
	}
	t.Logf("after %d acknowledged messages: %v", len(acked), refusal)
	if answer.ErrorFault() == smithy.FaultClient || answer.ErrorCode() == "" {
		t.Errorf("fault %v, code %q: want the server's", answer.ErrorFault(), answer.ErrorCode())
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "messages are taken again", func() bool { n++; return offer(n) == nil })
	eventually(ctx, t, "every acknowledged ID has SUCCEEDED", func() bool {
		done := map[string]bool{}
		for _, x := range allTransfers(ctx, t, s.endpoints) {
			done[x.ID] = done[x.ID] || x.State == hikyaku.Succeeded
		}
		for id := range acked {
			if !done[id] {
				return false
			}
		}
		return true
	})
	for id := range acked {
		if got, err := os.ReadFile(filepath.Join(dir, "to", "orders", id, "f")); err != nil || string(got) != id { //nolint:gosec // of our own making
			t.Errorf("%s: %q, %v", id, got, err)
		}
	}
}

// fillUp writes a file until nothing more fits.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600) //nolint:gosec // of our own making
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size >= 1; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 16
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filled up with: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
