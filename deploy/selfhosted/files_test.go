package selfhosted_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
)

// root is the repository, seen from here.
const root = "../.."

//nolint:gochecknoglobals // one build for all tests of this package
var binary struct {
	once sync.Once
	path string
	err  error
	out  []byte
}

// program builds the real program once per test run.
func program(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		dir, err := os.MkdirTemp("", "hikyaku-ops-") //nolint:usetesting // shared by tests that end at different times
		if err != nil {
			binary.err = err
			return
		}
		binary.path = filepath.Join(dir, "hikyaku")
		cmd := exec.Command("go", "build", "-o", binary.path, "./cmd/hikyaku") //nolint:noctx,gosec // once per run
		cmd.Dir = root
		binary.out, binary.err = cmd.CombinedOutput()
	})
	if binary.err != nil {
		t.Fatalf("build: %v\n%s", binary.err, binary.out)
	}
	return binary.path
}

//nolint:gochecknoglobals // what the program said, by command
var said sync.Map

// help is what a command says about itself.
func help(t *testing.T, command ...string) string {
	t.Helper()
	key := strings.Join(command, " ")
	if text, ok := said.Load(key); ok {
		return text.(string) //nolint:errcheck,forcetypeassert // stored below
	}
	cmd := exec.CommandContext(t.Context(), program(t), append(command, "--help")...) //nolint:gosec // the binary under test
	cmd.Env = append(os.Environ(), "HIKYAKU_LANG=en")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
	said.Store(key, string(out))
	return string(out)
}

// checkCommand fails unless args, what follows the program's name, are a
// command and flags that exist.
func checkCommand(t *testing.T, args []string) {
	t.Helper()
	if len(args) == 0 || !regexp.MustCompile(`(?m)^  `+regexp.QuoteMeta(args[0])+` `).MatchString(help(t)) {
		t.Fatalf("%q begins with no command", args)
	}
	text := help(t, args[0])
	for _, a := range args[1:] {
		if name, _, _ := strings.Cut(a, "="); strings.HasPrefix(name, "-") && !regexp.MustCompile(regexp.QuoteMeta(name)+`[ ,]`).MatchString(text) {
			t.Errorf("hikyaku %s has no flag %s", args[0], name)
		}
	}
}

// needs skips the test where a program is missing, and fails it under CI.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing", p)
			}
			t.Skipf("%s is missing", p)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestConfig_serves: the packaged config, and the route it shows, are accepted.
func TestConfig_serves(t *testing.T) {
	t.Parallel()
	text := read(t, "hikyaku.yaml")
	_, route, found := strings.Cut(text, "#routes:")
	if !found {
		t.Fatal("no route is shown")
	}
	shown := "routes:" + strings.ReplaceAll(route, "\n#", "\n")
	var parsed struct {
		Routes map[string]map[string]any `yaml:"routes"`
	}
	if err := yaml.Unmarshal([]byte(shown), &parsed); err != nil || len(parsed.Routes) != 1 {
		t.Fatalf("the route shown: %v, %v", parsed, err)
	}
	for name, config := range map[string]string{"as it is": text, "with the route": text + strings.ReplaceAll(shown, "/srv/filer", filepath.Join(t.TempDir(), "filer"))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "hikyaku.yaml")
			config += "\nlisten: {console: '127.0.0.1:0', api: '127.0.0.1:0', s3: '127.0.0.1:0'}\n"
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), program(t), "doctor", "--config", file, "--data", filepath.Join(dir, "data")).CombinedOutput() //nolint:gosec // the binary under test
			if err != nil || !bytes.Contains(out, []byte("routes: ")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestContainerfile: no shell, no root, no command that does not exist.
func TestContainerfile(t *testing.T) {
	t.Parallel()
	text := read(t, "Containerfile")
	var lines [][2]string // instruction, rest
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			instruction, rest, _ := strings.Cut(line, " ")
			lines = append(lines, [2]string{instruction, rest})
		}
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, root+"/go.mod"))[1]
	if want := "golang:" + goVersion + " AS build"; !strings.HasSuffix(lines[0][1], want) {
		t.Errorf("built with %s, want %s as in go.mod", lines[0][1], want)
	}
	last := slices.IndexFunc(lines, func(l [2]string) bool { return l == [2]string{"FROM", "scratch"} })
	if last < 0 {
		t.Fatal("not FROM scratch")
	}
	final := map[string]string{}
	for _, l := range lines[last+1:] {
		if l[0] == "RUN" || l[0] == "FROM" {
			t.Errorf("%s after FROM scratch", l[0])
		}
		final[l[0]] = l[1]
	}
	if !regexp.MustCompile(`^[1-9]\d+:[1-9]\d+$`).MatchString(final["USER"]) {
		t.Errorf("USER %q is no plain number above 0: scratch has no user names", final["USER"])
	}
	if final["VOLUME"] != `["/var/lib/hikyaku"]` || final["STOPSIGNAL"] != "SIGTERM" || final["ENTRYPOINT"] != `["/usr/bin/hikyaku"]` {
		t.Errorf("got %v", final)
	}
	_, check, _ := strings.Cut(final["HEALTHCHECK"], " CMD ")
	for name, list := range map[string]string{"CMD": final["CMD"], "HEALTHCHECK": check} {
		var args []string
		if err := yaml.Unmarshal([]byte(list), &args); err != nil || len(args) == 0 {
			t.Fatalf("%s %s is not in the exec form: %v", name, list, err)
		}
		if args[0] == "/usr/bin/hikyaku" {
			args = args[1:]
		}
		checkCommand(t, args)
	}
}
