package selfhosted_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackage builds the package as `make deb` does, and looks at what came
// of it with dpkg's own program.
func TestPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: nfpm is built from source")
	}
	t.Parallel()
	needs(t, "make", "dpkg-deb")
	dir := t.TempDir()
	run(t, root, "make", "-s", "deb", "VERSION=v1.2.3-rc.1", "DEB_ARCH=amd64", "DEB_DIR="+dir)
	deb := filepath.Join(dir, "hikyaku_1.2.3~rc.1_amd64.deb")

	if got := run(t, dir, "dpkg-deb", "--field", deb, "Package", "Version", "Architecture", "Depends"); !regexp.MustCompile(
		`(?s)Package: hikyaku\n.*Version: 1\.2\.3~rc\.1\n.*Architecture: amd64\n.*Depends: systemd`).MatchString(got) {
		t.Errorf("control:\n%s", got)
	}
	control := filepath.Join(dir, "control")
	run(t, dir, "dpkg-deb", "--control", deb, control)
	if got := strings.Fields(read(t, filepath.Join(control, "conffiles"))); strings.Join(got, " ") != "/etc/default/hikyaku /etc/hikyaku/hikyaku.yaml" &&
		strings.Join(got, " ") != "/etc/hikyaku/hikyaku.yaml /etc/default/hikyaku" {
		t.Errorf("conffiles: %v: an upgrade would overwrite the others", got)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		run(t, dir, "sh", "-n", filepath.Join(control, script))
	}
	files := filepath.Join(dir, "files")
	run(t, dir, "dpkg-deb", "--extract", deb, files)
	want := map[string]fs.FileMode{
		"usr/bin/hikyaku": 0o755, "usr/sbin/hikyaku-backup": 0o755,
		"usr/lib/systemd/system/hikyaku.service": 0o644, "usr/lib/sysusers.d/hikyaku.conf": 0o644, "usr/lib/tmpfiles.d/hikyaku.conf": 0o644,
		"etc/hikyaku/hikyaku.yaml": 0o644, "etc/default/hikyaku": 0o600,
		"usr/share/doc/hikyaku/copyright": 0o644, "usr/share/doc/hikyaku/hikyaku.example.yaml": 0o644,
		"usr/share/doc/hikyaku/operations.md": 0o644, "usr/share/doc/hikyaku/errors.md": 0o644,
		"usr/share/doc/hikyaku/ja/operations.md": 0o644, "usr/share/doc/hikyaku/ja/errors.md": 0o644,
		"usr/share/hikyaku/grafana/dashboard.json": 0o644, "usr/share/hikyaku/prometheus/alerts.yaml": 0o644,
	}
	err := filepath.WalkDir(files, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(files, path)
		if err != nil {
			return err
		}
		if mode, ok := want[name]; !ok || info.Mode() != mode || info.Size() == 0 {
			t.Errorf("%s: mode %v, %d bytes, want %v", name, info.Mode(), info.Size(), mode)
		}
		delete(want, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		t.Errorf("%s is not in the package", name)
	}
	if got := run(t, dir, filepath.Join(files, "usr/bin/hikyaku"), "version"); !strings.Contains(got, "v1.2.3-rc.1") {
		t.Errorf("version: %s", got)
	}
	for _, path := range regexp.MustCompile(`/usr/share/[^\s:)]+\w`).FindAllString(read(t, "hikyaku.service")+read(t, "hikyaku.yaml"), -1) {
		if _, err := os.Stat(filepath.Join(files, path)); err != nil {
			t.Errorf("%s is named, but not in the package", path)
		}
	}
}

// run runs a program in dir and returns what it says; that it fails is fatal.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...) //nolint:gosec // programs and files of these tests
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}
