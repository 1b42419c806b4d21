package stack

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// Kinds of DataSync's detailed reports, which are the states of their files.
const (
	filesTransferred = "transferred"
	filesVerified    = "verified"
	filesSkipped     = "skipped"
	filesDeleted     = "deleted"
	filesFailed      = "failed" // in a report of any kind
)

// reportKind tells by a report's name what it lists, as
// "exec-ID.files-verified-v1-00001-SUFFIX.json" lists what was verified.
func reportKind(key string) (string, bool) {
	_, name, found := strings.Cut(path.Base(key), ".files-")
	if !found || !strings.HasSuffix(name, ".json") {
		return "", false
	}
	for _, kind := range []string{filesTransferred, filesVerified, filesSkipped, filesDeleted} {
		if strings.HasPrefix(name, kind) {
			return kind, true
		}
	}
	return "", false
}

// maxReport is how much of one report is read: DataSync begins another at 5 MB.
const maxReport = 64 << 20

// readReport calls fn with each file of a report in turn, and returns its
// error as it is. The report is an object with a list under a name of its own;
// its other members are passed over.
func readReport(r io.Reader, kind string, fn func(console.File) error) error {
	d := json.NewDecoder(io.LimitReader(r, maxReport))
	d.UseNumber()
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.More() {
		if _, err := d.Token(); err != nil { // the member's name
			return err
		}
		value, err := d.Token()
		if err != nil {
			return err
		}
		switch value {
		case json.Delim('['):
			if err := readList(d, kind, fn); err != nil {
				return err
			}
		case json.Delim('{'):
			if err := passOver(d); err != nil {
				return err
			}
		}
	}
	return expect(d, '}')
}

// passOver reads to the end of an object that has begun.
func passOver(d *json.Decoder) error {
	for open := 1; open > 0; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			open++
		case json.Delim('}'), json.Delim(']'):
			open--
		}
	}
	return nil
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%q where %q is expected", fmt.Sprint(got), want.String())
	}
	return nil
}

func readList(d *json.Decoder, kind string, fn func(console.File) error) error {
	for d.More() {
		var entry any
		if err := d.Decode(&entry); err != nil {
			return err
		}
		if f, ok := fileOf(kind, entry); ok {
			if err := fn(f); err != nil {
				return err
			}
		}
	}
	return expect(d, ']')
}

// fileOf is the file of a report's entry. BASIC and ENHANCED tasks name things
// differently, and not all names are documented, so it goes by parts of them.
func fileOf(kind string, entry any) (console.File, bool) {
	members := map[string]string{}
	flatten(members, "", entry)
	f := console.File{Path: strings.TrimPrefix(members["relativepath"], "/"), State: kind}
	if members["relativepath"] == "" {
		return f, false
	}
	failed := false
	var code, detail string
	for _, name := range slices.Sorted(maps.Keys(members)) { // destination before source
		value := members[name]
		source, destination := strings.HasPrefix(name, "s"), strings.HasPrefix(name, "d")
		_, nested, deep := strings.Cut(name, ".")
		switch {
		case nested == "contentsize":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && (source || f.Bytes == 0) {
				f.Bytes = n
			}
		case source && isSum(name):
			f.SourceChecksum = checksum(value)
		case destination && isSum(name):
			f.DestinationChecksum = checksum(value)
		case deep:
		case strings.HasSuffix(name, "status"):
			v := strings.ToUpper(value)
			failed = failed || strings.HasPrefix(v, "FAIL") || strings.HasPrefix(v, "ERROR")
		case strings.HasSuffix(name, "code"):
			code = value
		case strings.HasSuffix(name, "reason"), strings.HasSuffix(name, "detail"):
			detail = value
		}
	}
	if failed {
		failure := hikyaku.NewFailure(hikyaku.Classify(code, detail).Code, detail, code)
		f.State, f.Failure = filesFailed, &failure
	}
	return f, true
}

func isSum(name string) bool {
	return strings.Contains(name, "hash") || strings.Contains(name, "checksum") || strings.Contains(name, "sha256")
}

// maxNested is how deep an entry's objects are looked into.
const maxNested = 2

// flatten collects an entry's texts and numbers by their names in lower case,
// those of inner objects behind a dot. What users wrote on objects is left out.
func flatten(into map[string]string, prefix string, v any) {
	object, _ := v.(map[string]any)
	for name, value := range object {
		name = prefix + strings.ToLower(name)
		switch value := value.(type) {
		case string:
			into[name] = value
		case json.Number:
			into[name] = value.String()
		case map[string]any:
			if !strings.HasSuffix(name, "usermetadata") && strings.Count(name, ".") < maxNested {
				flatten(into, name+".", value)
			}
		}
	}
}

// checksum is a SHA-256 as the console has it, or the text as it is.
func checksum(text string) string {
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == 32 {
		return "sha256:" + hex.EncodeToString(raw)
	}
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == 32 {
		return "sha256:" + strings.ToLower(text)
	}
	return text
}
