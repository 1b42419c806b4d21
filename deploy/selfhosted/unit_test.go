package selfhosted_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// unit is a unit file: values by "Section.Key", in order.
type unit map[string][]string

func parseUnit(t *testing.T, text string) unit {
	t.Helper()
	u, section := unit{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || section == "" || strings.TrimSpace(key) != key {
				t.Fatalf("no directive: %q", line)
			}
			u[section+"."+key] = append(u[section+"."+key], value)
		}
	}
	return u
}

// last is a directive's value that counts.
func (u unit) last(key string) string {
	if v := u["Service."+key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// TestUnit_hardened: none of the directives is lost.
func TestUnit_hardened(t *testing.T) {
	t.Parallel()
	u := parseUnit(t, read(t, "hikyaku.service"))
	for key, want := range map[string]string{
		"Type": "notify", "NotifyAccess": "main", "User": "hikyaku", "Group": "hikyaku", "Restart": "on-failure",
		"StateDirectory": "hikyaku", "StateDirectoryMode": "0700", "StandardOutput": "null", "StandardError": "journal",
		"NoNewPrivileges": "true", "ProtectSystem": "strict", "ProtectHome": "true", "PrivateTmp": "true", "PrivateDevices": "true",
		"ProtectClock": "true", "ProtectControlGroups": "true", "ProtectHostname": "true", "ProtectKernelLogs": "true",
		"ProtectKernelModules": "true", "ProtectKernelTunables": "true", "ProtectProc": "invisible", "ProcSubset": "pid",
		"LockPersonality": "true", "MemoryDenyWriteExecute": "true", "RestrictNamespaces": "true", "RestrictRealtime": "true",
		"RestrictSUIDSGID": "true", "RemoveIPC": "true", "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
		"SystemCallArchitectures": "native", "SystemCallErrorNumber": "EPERM", "RestartPreventExitStatus": "2 4",
	} {
		if got := u.last(key); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
	for _, key := range []string{"Service.CapabilityBoundingSet", "Service.AmbientCapabilities"} {
		if got, ok := u[key]; !ok || strings.Join(got, "") != "" {
			t.Errorf("%s=%q, want no capability", key, got)
		}
	}
	if got := strings.Join(u["Service.SystemCallFilter"], ";"); got != "@system-service;~@privileged @resources" {
		t.Errorf("SystemCallFilter: %s", got)
	}
	stop, err := time.ParseDuration(u.last("TimeoutStopSec"))
	if err != nil || stop < 15*time.Second {
		t.Errorf("TimeoutStopSec=%s does not let the server drain for 10 s", u.last("TimeoutStopSec"))
	}
	if watchdog, err := time.ParseDuration(u.last("WatchdogSec")); err != nil || watchdog < 20*time.Second {
		t.Errorf("WatchdogSec=%s is shorter than a busy machine may need", u.last("WatchdogSec"))
	}
}

// TestUnit_starts: the command line exists, and what is in it is configured.
func TestUnit_starts(t *testing.T) {
	t.Parallel()
	u := parseUnit(t, read(t, "hikyaku.service"))
	args := strings.Fields(u.last("ExecStart"))
	if args[0] != "/usr/bin/hikyaku" || args[1] != "serve" {
		t.Fatalf("ExecStart=%s", args)
	}
	checkCommand(t, args[1:])
	env := map[string]string{}
	for _, line := range append(u["Service.Environment"], strings.Split(read(t, "hikyaku.env"), "\n")...) {
		for _, m := range regexp.MustCompile(`(?:^| )([A-Z_]+)=(\S*)`).FindAllStringSubmatch(line, -1) {
			if !strings.HasPrefix(line, "#") {
				env[m[1]] = m[2]
			}
		}
	}
	for _, a := range args {
		if name := strings.Trim(a, "${}"); name != a && env[name] == "" {
			t.Errorf("%s has no default", a)
		}
	}
	if !strings.Contains(u.last("EnvironmentFile"), "/etc/default/hikyaku") || !strings.HasPrefix(u.last("EnvironmentFile"), "-") {
		t.Errorf("EnvironmentFile=%s: want -/etc/default/hikyaku", u.last("EnvironmentFile"))
	}
	for _, file := range []string{"hikyaku.sysusers", "hikyaku.tmpfiles"} {
		if text := read(t, file); !strings.Contains(text, " hikyaku ") && !strings.Contains(text, "u hikyaku ") || !strings.Contains(text, "/var/lib/hikyaku") {
			t.Errorf("%s is about another user or folder:\n%s", file, text)
		}
	}
}

// TestUnit_systemd asks systemd itself. It is no server and not everywhere, so
// its absence fails nothing: the tests above hold the unit without it.
func TestUnit_systemd(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is missing: THE UNIT WAS NOT VERIFIED BY SYSTEMD")
	}
	file := filepath.Join(t.TempDir(), "hikyaku.service")
	text := strings.ReplaceAll(read(t, "hikyaku.service"), "/usr/bin/hikyaku", "/bin/true") // which is everywhere
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", file).CombinedOutput() //nolint:gosec // a file of this test
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "hikyaku.service") {
			t.Errorf("verify: %s (%v)", line, err)
		}
	}
	version, err := exec.CommandContext(t.Context(), "systemd-analyze", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`^systemd (\d+)`).FindSubmatch(version); m == nil {
		t.Fatalf("version: %s", version)
	} else if n, _ := strconv.Atoi(string(m[1])); n < 252 {
		t.Logf("systemd %d cannot rate a file that is not installed", n)
		return
	}
	out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20", file).CombinedOutput() //nolint:gosec // a file of this test
	if err != nil {
		t.Errorf("exposed more than 2.0 of 10: %v\n%s", err, out)
	}
}
