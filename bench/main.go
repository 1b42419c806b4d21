//go:build unix

// Command bench measures the figures of docs/performance.md: the built binary
// from outside, and peers beside it where they are on PATH (rclone, s5cmd,
// cp, rsync). It runs for some minutes, on loopback and temporary folders
// only, and is never part of the tests.
//
//	go run ./bench [-bin bin/hikyaku] [-runs 3] [-dir /dev/shm] [start dispatch browsers ledger get put local noop]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is one run of the program.
type bench struct {
	bin, dir string
	runs     int
}

func main() {
	var b bench
	flag.StringVar(&b.bin, "bin", "bin/hikyaku", "the program to measure")
	flag.StringVar(&b.dir, "dir", "/dev/shm", "where data is put; use a memory file system, so that the disk is not measured")
	flag.IntVar(&b.runs, "runs", 3, "runs of each row; medians are printed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.run(ctx, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, groups []string) error {
	var err error
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(b.dir, "hikyaku-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir) //nolint:errcheck // temporary
	all := []struct {
		name string
		run  func(context.Context) error
	}{
		{"start", b.start},
		{"dispatch", b.dispatch},
		{"browsers", b.browsers},
		{"ledger", b.ledger},
		{"get", b.get},
		{"put", b.put},
		{"local", b.local},
		{"noop", b.noop},
	}
	for _, g := range all {
		if len(groups) > 0 && !slices.Contains(groups, g.name) {
			continue
		}
		fmt.Printf("\n== %s\n", g.name)
		if err := g.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

// start measures an empty folder to /readyz, and the binary's size.
func (b *bench) start(ctx context.Context) error {
	info, err := os.Stat(b.bin)
	if err != nil {
		return err
	}
	fmt.Printf("binary %.1f MiB\n", float64(info.Size())/(1<<20))
	var took []float64
	for range b.runs {
		began := time.Now()
		s, err := b.serve(ctx)
		if err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds())
		s.stop()
	}
	fmt.Printf("serve on an empty folder to /readyz: %.2f s (median of %d)\n", median(took), b.runs)
	return nil
}

// dispatch measures IDs from SendMessage to SUCCEEDED.
func (b *bench) dispatch(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, b.bin, "demo", "--once", "--ids", "10000", "--files", "1", "--size", "1024", "--pool", "8", "-o", "json") //nolint:gosec // ours
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	var r struct {
		IDs      int     `json:"ids"`
		Seconds  float64 `json:"seconds"`
		Rate     float64 `json:"ids_per_second"`
		P50      int64   `json:"p50_ms"`
		P99      int64   `json:"p99_ms"`
		RSS      int64   `json:"peak_rss_bytes"`
		Expected bool    `json:"as_expected"`
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return err
	}
	fmt.Printf("%d IDs of one 1 KiB file, pool 8: %.1f s, %.0f IDs/s, p50 %d ms, p99 %d ms, peak RSS %d MiB (everything in one process), CPU %.1f s, as expected: %v\n",
		r.IDs, r.Seconds, r.Rate, r.P50, r.P99, r.RSS>>20, cpu(cmd), r.Expected)
	return nil
}

// ledger runs the ledger's own benchmarks with a million transfers in it.
func (b *bench) ledger(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "Ledger", "-timeout", "60m", "./sqlite", "-ledger.transfers", "1000000")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// server is a hikyaku serve whose embedded S3 the peers talk to.
type server struct {
	cmd            *exec.Cmd
	env            []string
	s3             string
	console, token string
}

// serve starts a server on an empty folder and waits until it is ready.
func (b *bench) serve(ctx context.Context) (*server, error) {
	return b.serveRoutes(ctx, "{bench: {source: \"s3://bench-src/\", destination: \"s3://bench-dst/\"}}")
}

// serveRoutes is serve with these routes, in YAML.
func (b *bench) serveRoutes(ctx context.Context, routes string) (*server, error) {
	data, err := os.MkdirTemp(b.dir, "serve-")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(data, "bench.yaml")
	text := fmt.Sprintf("data: %s\nlisten: {console: \"127.0.0.1:0\", api: \"127.0.0.1:0\", s3: \"127.0.0.1:0\"}\n", data)
	text += "routes: " + routes + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s := &server{cmd: exec.CommandContext(ctx, b.bin, "serve", "--config", config)} //nolint:gosec // ours
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	var e struct {
		Console string `json:"console"`
		S3      string `json:"s3"`
		Region  string `json:"region"`
		ID      string `json:"access_key_id"`
		Secret  string `json:"secret_access_key"`
		Token   string `json:"token"`
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.stop()
			return nil, fmt.Errorf("server is not ready after 20 s")
		}
		if text, err := os.ReadFile(filepath.Join(data, "endpoints.json")); err != nil || json.Unmarshal(text, &e) != nil { //nolint:gosec // ours
			continue
		}
		if res, err := http.Get(e.Console + "/readyz"); err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK { //nolint:noctx // bounded by the loop
			break
		}
	}
	s.s3, s.console, s.token = e.S3, e.Console, e.Token
	s.env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+e.ID, "AWS_SECRET_ACCESS_KEY="+e.Secret, "AWS_REGION="+e.Region,
		"AWS_DEFAULT_REGION="+e.Region, "AWS_ENDPOINT_URL_S3="+e.S3, "S3_ENDPOINT_URL="+e.S3, "AWS_EC2_METADATA_DISABLED=true",
		"RCLONE_CONFIG=/dev/null", "RCLONE_CONFIG_B_TYPE=s3", "RCLONE_CONFIG_B_PROVIDER=Other", "RCLONE_CONFIG_B_ENDPOINT="+e.S3,
		"RCLONE_CONFIG_B_REGION="+e.Region, "RCLONE_CONFIG_B_ACCESS_KEY_ID="+e.ID, "RCLONE_CONFIG_B_SECRET_ACCESS_KEY="+e.Secret)
	return s, nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended
	_ = s.cmd.Wait()
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func cpu(cmd *exec.Cmd) float64 {
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
}

func have(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func fields(format string, args ...any) []string { return strings.Fields(fmt.Sprintf(format, args...)) }
