package local

import (
	"context"
	"errors"
	"io"
	"os"
)

// RenameByLink renames within a folder the way it is done where the system has
// no rename that refuses to replace.
func RenameByLink(dir, from, to string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := openFolder(root, "")
	if err != nil {
		return err
	}
	defer f.close()
	return f.renameByLink(from, f, to)
}

// CopyPart writes size bytes of r into file, from its beginning.
func CopyPart(ctx context.Context, file *os.File, size int64, r io.Reader, back func([]byte)) error {
	d := &Driver{}
	w := partWriter{f: &stagedFile{stage: &Stage{driver: d}, path: "f", size: size}, file: file, buf: d.buffer()}
	defer w.close()
	return w.copy(ctx, size, r, back)
}
