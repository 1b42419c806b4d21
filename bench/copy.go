//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// set is a generated tree.
type set struct {
	name  string
	files int
	size  int64
}

// sets are the workloads: one large file, many small ones, a few of 1 MiB.
func sets() []set {
	return []set{{"a", 1, 2 << 30}, {"b", 10_000, 16 << 10}, {"c", 2_000, 1 << 20}}
}

// row is one command of a comparison.
type row struct {
	name string
	args []string
}

// make writes the set below dir once.
func (s set) make(dir string) (string, error) {
	root := filepath.Join(dir, "set-"+s.name)
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	rng := rand.NewChaCha8([32]byte{1})
	for n := range s.files {
		folder := filepath.Join(root, fmt.Sprintf("d%02d", n%100))
		if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // generated
			return "", err
		}
		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("f%05d", n))) //nolint:gosec // generated
		if err != nil {
			return "", err
		}
		if _, err := io.CopyN(f, rng, s.size); err != nil {
			return "", err
		}
		if err := f.Close(); err != nil {
			return "", err
		}
	}
	return root, nil
}

// get copies from S3 to an empty folder. The large file is fetched as hikyaku
// put it there, and as rclone did: only then does its object have an MD5 that
// rclone verifies.
func (b *bench) get(ctx context.Context) error {
	return b.withServer(ctx, func(s *server, t set, root string) error {
		if err := b.do(ctx, s.env, b.bin, "sync", "--quiet", root, "s3://bench-src/"+t.name); err != nil {
			return err
		}
		if err := b.getFrom(ctx, s, t, root, t.name); err != nil || t.files > 1 || !have("rclone") {
			return err
		}
		name := t.name + "-by-rclone"
		put := fields("rclone -q sync %s b:bench-src/%s --s3-upload-concurrency 8 --s3-chunk-size 16M --s3-no-check-bucket", root, name)
		if err := b.do(ctx, s.env, put[0], put[1:]...); err != nil {
			return err
		}
		return b.getFrom(ctx, s, t, root, name)
	})
}

// getFrom compares the peers on what lies at bench-src/name.
func (b *bench) getFrom(ctx context.Context, s *server, t set, root, name string) error {
	bucket := "s3://bench-src/" + name
	dst := filepath.Join(b.dir, "dst")
	rows := []row{{"hikyaku sync (verifies)", fields("%s sync --quiet %s %s", b.bin, bucket, dst)}}
	if have("rclone") {
		flags := fmt.Sprintf("b:bench-src/%s %s --checkers 64 --fast-list --s3-no-check-bucket", name, dst)
		sync := "rclone -q sync " + flags + " --transfers 32 --multi-thread-streams 8"
		rows = append(rows, row{"rclone sync T32", strings.Fields(sync)},
			row{"rclone sync T32 + check --download", []string{"sh", "-c", sync + " && rclone -q check --download --one-way " + flags}})
	}
	if have("s5cmd") {
		rows = append(rows, row{"s5cmd cp w64 (no verify)", []string{"s5cmd", "--log", "error", "--numworkers", "64", "cp", bucket + "/*", dst + "/"}})
	}
	return b.compare(ctx, "get-"+name, s.env, t, rows, func() error {
		return replaceFolder(dst)
	}, func() error { return b.do(ctx, nil, "diff", "-rq", root, dst) })
}

// put copies to an empty prefix.
func (b *bench) put(ctx context.Context) error {
	none, err := os.MkdirTemp(b.dir, "none-")
	if err != nil {
		return err
	}
	return b.withServer(ctx, func(s *server, t set, root string) error {
		n := 0
		prefix := ""
		// What a run left is removed before the next one: a memory file system holds only a few of them.
		remove := func() error {
			if n == 0 {
				return nil
			}
			return b.do(ctx, s.env, b.bin, "sync", "--quiet", "--preserve-deleted-files", "REMOVE", none, "s3://bench-dst/"+prefix)
		}
		rows := []row{{"hikyaku sync (verifies)", fields("%s sync --quiet %s s3://bench-dst/PREFIX", b.bin, root)}}
		if have("rclone") {
			rows = append(rows, row{"rclone sync T32", fields("rclone -q sync %s b:bench-dst/PREFIX --transfers 32 --checkers 64 --fast-list --s3-upload-concurrency 8 --s3-chunk-size 16M --s3-no-check-bucket", root)})
		}
		if have("s5cmd") {
			rows = append(rows, row{"s5cmd cp w64 (no verify)", fields("s5cmd --log error --numworkers 64 cp %s/ s3://bench-dst/PREFIX/", root)})
		}
		for i := range rows {
			args := rows[i].args
			for j, a := range args {
				args[j] = string(bytes.ReplaceAll([]byte(a), []byte("PREFIX"), []byte("$PREFIX")))
			}
			rows[i].args = []string{"sh", "-c", "exec " + join(args)}
		}
		env := s.env
		err := b.compareEnv(ctx, "put-"+t.name, &env, t, rows, func() error {
			if err := remove(); err != nil {
				return err
			}
			n++
			prefix = fmt.Sprintf("%s-%d", t.name, n)
			env = append(append([]string{}, s.env...), "PREFIX="+prefix)
			return nil
		}, nil)
		if err != nil {
			return err
		}
		return remove()
	})
}

// local copies between folders.
func (b *bench) local(ctx context.Context) error {
	for _, t := range sets()[1:] {
		root, err := t.make(b.dir)
		if err != nil {
			return err
		}
		dst := filepath.Join(b.dir, "dst")
		rows := []row{{"hikyaku sync (verifies)", fields("%s sync --quiet %s %s", b.bin, root, dst)}, {"cp -a", fields("cp -a %s/. %s", root, dst)}}
		if have("rsync") {
			rows = append(rows, row{"rsync -a", fields("rsync -a %s/ %s", root, dst)})
		}
		if have("rclone") {
			rows = append(rows, row{"rclone sync T4", fields("rclone -q --config /dev/null sync %s %s", root, dst)})
		}
		err = b.compare(ctx, "local-"+t.name, os.Environ(), t, rows, func() error { return replaceFolder(dst) },
			func() error { return b.do(ctx, nil, "diff", "-rq", root, dst) })
		if err != nil {
			return err
		}
	}
	return nil
}

// noop syncs where nothing has changed.
func (b *bench) noop(ctx context.Context) error {
	return b.withServer(ctx, func(s *server, t set, root string) error {
		if t.name != "b" {
			return nil
		}
		bucket := "s3://bench-src/noop"
		if err := b.do(ctx, s.env, b.bin, "sync", "--quiet", root, bucket); err != nil {
			return err
		}
		rows := []row{{"hikyaku sync up", fields("%s sync --quiet %s %s", b.bin, root, bucket)}}
		if have("rclone") {
			rows = append(rows, row{"rclone --size-only up", fields("rclone -q sync %s b:bench-src/noop --size-only --checkers 64 --fast-list --s3-no-check-bucket", root)})
		}
		return b.compare(ctx, "noop-b-up", s.env, t, rows, nil, nil)
	})
}

// withServer runs fn for each set beside one server.
func (b *bench) withServer(ctx context.Context, fn func(s *server, t set, root string) error) error {
	s, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	for _, t := range sets() {
		root, err := t.make(b.dir)
		if err != nil {
			return err
		}
		if err := fn(s, t, root); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) compare(ctx context.Context, name string, env []string, t set, rows []row, setup, check func() error) error {
	return b.compareEnv(ctx, name, &env, t, rows, setup, check)
}

// compareEnv runs the rows interleaved and prints medians beside the first row's.
func (b *bench) compareEnv(ctx context.Context, name string, env *[]string, t set, rows []row, setup, check func() error) error {
	wall, cpus, rss := make([][]float64, len(rows)), make([][]float64, len(rows)), make([][]float64, len(rows))
	for range b.runs {
		for i, r := range rows {
			if setup != nil {
				if err := setup(); err != nil {
					return err
				}
			}
			cmd := exec.CommandContext(ctx, r.args[0], r.args[1:]...) //nolint:gosec // built above
			cmd.Env = *env
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			began := time.Now()
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s: %w\n%s", r.name, err, out.String())
			}
			wall[i] = append(wall[i], time.Since(began).Seconds())
			cpus[i] = append(cpus[i], cpu(cmd))
			if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
				rss[i] = append(rss[i], float64(u.Maxrss)/1024)
			}
			if check != nil {
				if err := check(); err != nil {
					return fmt.Errorf("%s: result differs: %w", r.name, err)
				}
			}
		}
	}
	fmt.Printf("%s: %d x %d bytes, median of %d interleaved runs\n%-26s %8s %7s %8s %7s %8s\n", name, t.files, t.size, b.runs, "", "wall s", "ratio", "cpu s", "ratio", "RSS MiB")
	for i, r := range rows {
		w, c := median(wall[i]), median(cpus[i])
		fmt.Printf("%-26s %8.2f %7.2f %8.2f %7.2f %8.0f\n", r.name, w, w/median(wall[0]), c, c/median(cpus[0]), median(rss[i]))
	}
	return nil
}

func (b *bench) do(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // built above
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

func replaceFolder(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755) //nolint:gosec // generated
}

func join(args []string) string {
	s := ""
	for _, a := range args {
		if s != "" {
			s += " "
		}
		s += a
	}
	return s
}
