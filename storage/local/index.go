package local

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// indexFolder lies in the work folder; no execution can have its name.
const indexFolder = "origins.d"

// indexBuckets spreads paths over files by hash.
const indexBuckets = 64

// originIndex records origins where files have no extended attributes: 64
// append-only files of lines "CRC32 "PATH" RECORD", the last line of a path
// being valid. A torn or lost line costs one needless copy, never a wrong
// skip, because a record holds the size and mtime of the file it speaks of.
type originIndex struct {
	driver  *Driver
	buckets [indexBuckets]bucket
}

type bucket struct {
	mu      sync.Mutex
	size    int64
	lines   int
	records map[string]record
}

// bucketOf returns the number and file name of the bucket of path.
func bucketOf(path string) (int, string) {
	n := int(crc32.ChecksumIEEE([]byte(path)) % indexBuckets)
	return n, fmt.Sprintf("%02x", n)
}

// lookup returns the record of path.
func (x *originIndex) lookup(path string) (record, bool, error) {
	dir, err := x.driver.folder(storage.WorkFolder + "/" + indexFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	defer dir.close()
	n, name := bucketOf(path)
	b := &x.buckets[n]
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(dir, name); err != nil {
		return record{}, false, err
	}
	rec, ok := b.records[path]
	return rec, ok, nil
}

// load reads the bucket's file if it is not as it was when last read.
func (b *bucket) load(dir *folder, name string) error {
	var e storage.Entry
	err := dir.stat(name, &e, nil)
	if errors.Is(err, fs.ErrNotExist) {
		b.records, b.size = nil, 0
		return nil
	}
	if err != nil || (b.records != nil && e.Size == b.size) {
		return err
	}
	file, err := dir.openFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // opened for reading only
	b.records, b.size, b.lines = make(map[string]record), 0, 0
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		b.size += int64(len(lines.Bytes())) + 1
		b.lines++
		if path, rec, ok := parseIndexLine(lines.Text()); ok {
			b.records[path] = rec
		}
	}
	return lines.Err()
}

// append adds records to the index, durably.
func (x *originIndex) append(work *folder, records map[string]record) error {
	if err := work.mkdir(indexFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	dir, err := work.sub(indexFolder)
	if err != nil {
		return err
	}
	defer dir.close()
	var text [indexBuckets]bytes.Buffer
	for path, rec := range records {
		n, _ := bucketOf(path)
		_, _ = text[n].WriteString(indexLine(path, rec)) // a buffer never fails
	}
	for n := range text {
		if text[n].Len() == 0 {
			continue
		}
		if err := x.buckets[n].append(dir, fmt.Sprintf("%02x", n), text[n].Bytes()); err != nil {
			return err
		}
	}
	return dir.sync()
}

func (b *bucket) append(dir *folder, name string, text []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(dir, name); err != nil {
		return err
	}
	if b.lines > 256 && b.lines > 4*len(b.records) {
		return b.rewrite(dir, name, text)
	}
	file, err := dir.openFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	// The line break first ends a line that a crash may have torn.
	_, err = file.Write(append([]byte("\n"), text...))
	return errors.Join(err, file.Sync(), file.Close())
}

// rewrite replaces the file by one that holds valid lines only.
func (b *bucket) rewrite(dir *folder, name string, more []byte) error {
	temp := name + ".new"
	file, err := dir.openFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 64<<10)
	for path, rec := range b.records {
		_, _ = w.WriteString(indexLine(path, rec)) // Flush reports it
	}
	_, _ = w.Write(more)
	if err := errors.Join(w.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	b.records = nil
	return dir.rename(temp, dir, name)
}

func indexLine(path string, rec record) string {
	text := strconv.Quote(path) + " " + rec.encode()
	return fmt.Sprintf("%08x %s\n", crc32.ChecksumIEEE([]byte(text)), text)
}

// parseIndexLine reads a line that indexLine wrote, without its line break.
func parseIndexLine(line string) (path string, rec record, ok bool) {
	sum, text, found := strings.Cut(line, " ")
	if !found || fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) != sum {
		return "", record{}, false
	}
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", record{}, false
	}
	if path, err = strconv.Unquote(quoted); err != nil {
		return "", record{}, false
	}
	rec, ok = decodeRecord(strings.TrimPrefix(text[len(quoted):], " "))
	return path, rec, ok
}
