package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/sqlite"
)

// crashFile tells the test binary that it is the process to be killed.
const crashFile = "HIKYAKU_QUEUE_CRASH_FILE"

// TestQueueStore_Crash kills a process at random moments while it sends,
// receives and deletes. Afterwards every acknowledged message exists and no
// message whose deletion was acknowledged does.
func TestQueueStore_Crash(t *testing.T) {
	if path := os.Getenv(crashFile); path != "" {
		load(t, path)
		return
	}
	t.Parallel()
	const rounds = 6
	path := filepath.Join(t.TempDir(), "queue.db")
	said := &testimony{sent: map[string]bool{}, deleting: map[string]bool{}, deleted: map[string]bool{}}
	for round := range rounds {
		said.listen(t, path, round, 20+rand.IntN(300)) //nolint:gosec // a moment, not a secret
		said.check(t, path)
	}
	t.Logf("%d sent, %d deleted over %d kills", len(said.sent), len(said.deleted), rounds)
	if len(said.sent) < rounds*20 || len(said.deleted) == 0 {
		t.Errorf("got %d sent, %d deleted: the load did not load", len(said.sent), len(said.deleted))
	}
}

// testimony is what the killed processes said: of which messages the store had
// acknowledged what, and which deletions were asked for.
type testimony struct{ sent, deleting, deleted map[string]bool }

// listen runs the load and kills it after so many acknowledgements.
func (s *testimony) listen(tb testing.TB, path string, round, acks int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestQueueStore_Crash$", "-test.count=1") //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), crashFile+"="+path, fmt.Sprintf("HIKYAKU_QUEUE_CRASH_ROUND=%d", round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	killed := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, id, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			continue
		}
		switch word {
		case "sent":
			s.sent[id] = true
			acks--
		case "deleting":
			s.deleting[id] = true
		case "deleted":
			s.deleted[id] = true
		}
		if acks <= 0 && !killed { // read on: what was said before the kill counts
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !killed {
		tb.Fatalf("the load ended by itself: %v", err)
	}
}

// check compares the file with what was said.
func (s *testimony) check(tb testing.TB, path string) {
	tb.Helper()
	store, err := sqlite.OpenQueues(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	}()
	now := time.Now()
	if _, err := store.Sweep(tb.Context(), "q", queue.Sweep{Kind: queue.SweepRelease, Now: now}); err != nil {
		tb.Fatal(err)
	}
	found := map[string]bool{}
	for {
		result, err := store.Receive(tb.Context(), queue.ReceiveCall{Queue: "q", Now: now, VisibleAt: now.Add(time.Hour), Max: 1000})
		if err != nil {
			tb.Fatal(err)
		}
		for _, m := range result.Messages {
			if found[m.Body] {
				tb.Errorf("message %s exists twice", m.Body)
			}
			found[m.Body] = true
		}
		if len(result.Messages) == 0 {
			break
		}
	}
	for id := range s.sent {
		if !found[id] && !s.deleting[id] {
			tb.Errorf("message %s was acknowledged and is lost", id)
		}
	}
	for id := range s.deleted {
		if found[id] {
			tb.Errorf("message %s was deleted and is back", id)
		}
	}
}

// load works until it is killed.
func load(tb testing.TB, path string) {
	tb.Helper()
	store, err := sqlite.OpenQueues(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := store.SaveQueue(tb.Context(), queue.Queue{Name: "q"}); err != nil {
		tb.Fatal(err)
	}
	var mu sync.Mutex
	say := func(word, id string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(word, id)
	}
	var work sync.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := 0; ; i++ {
				if err := sendOne(tb.Context(), store, fmt.Sprintf("%s-%d-%d", os.Getenv("HIKYAKU_QUEUE_CRASH_ROUND"), w, i), say); err != nil {
					say("failed", err.Error())
					return
				}
			}
		})
		work.Go(func() {
			for w < 2 {
				if err := deleteSome(tb.Context(), store, say); err != nil {
					say("failed", err.Error())
					return
				}
			}
		})
	}
	work.Wait()
}

func sendOne(ctx context.Context, store queue.Store, id string, say func(word, id string)) error {
	now := time.Now()
	if err := store.Send(ctx, "q", []queue.Message{{ID: id, Body: id, SentAt: now, VisibleAt: now}}); err != nil {
		return err
	}
	say("sent", id)
	return nil
}

func deleteSome(ctx context.Context, store queue.Store, say func(word, id string)) error {
	now := time.Now()
	result, err := store.Receive(ctx, queue.ReceiveCall{Queue: "q", Now: now, VisibleAt: now.Add(time.Hour), Max: 3})
	if err != nil {
		return err
	}
	for _, m := range result.Messages {
		say("deleting", m.ID)
		if _, err := store.Change(ctx, "q", []queue.Change{{Key: m.Key, ID: m.ID, Delete: true}}); err != nil {
			return err
		}
		say("deleted", m.ID)
	}
	return nil
}
