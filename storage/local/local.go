package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/hikyaku/hikyaku/storage"
)

// Options change a driver's habits; the zero value is right for most uses.
type Options struct {
	// Name is shown to people instead of the path.
	Name string
	// NoXattr records origins in an index even where the file system keeps
	// extended attributes.
	NoXattr bool
}

// Driver is one folder. See [storage.Driver] for the contract.
type Driver struct {
	path    string
	props   storage.Properties
	noXattr bool
	index   *originIndex

	mu     sync.Mutex
	root   *os.Root
	closed bool

	counter atomic.Uint64
	// named is set where files without a name cannot be made or linked.
	named   atomic.Bool
	buffers sync.Pool

	folders folderCache
}

var (
	_ storage.Driver       = (*Driver)(nil)
	_ storage.OriginReader = (*Driver)(nil)
	_ storage.Sweeper      = (*Driver)(nil)
	_ storage.SymlinkMaker = (*Driver)(nil)
	_ storage.Prober       = (*Driver)(nil)
	_ storage.Normalizer   = (*Driver)(nil)
)

// New returns a driver for the folder path, which need not exist yet: it is
// made by the first Stage. A relative path is taken from the working folder
// once, now.
func New(path string, opts Options) (*Driver, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open folder %q: %w", path, err)
	}
	info, err := os.Stat(abs)
	switch {
	case err == nil && !info.IsDir():
		return nil, &storage.PathError{Op: "open folder", Path: abs, Kind: storage.ErrConflict, Err: errors.New("not a folder")}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, pathError("open folder", abs, err)
	}
	d := &Driver{path: abs, noXattr: opts.NoXattr}
	d.named.Store(!canLink())
	d.index = &originIndex{driver: d}
	d.folders.driver = d
	d.props = storage.Properties{
		Scheme:          "file",
		Name:            opts.Name,
		Root:            rootName(abs),
		POSIXMetadata:   posixMetadata,
		Directories:     true,
		Symlinks:        symlinks,
		CaseInsensitive: caseInsensitive(abs),
		Normalizes:      normalizes,
		Atomic:          true,
	}
	if d.props.Name == "" {
		d.props.Name = abs
	}
	return d, nil
}

// Properties states what folders can do.
func (d *Driver) Properties() storage.Properties { return d.props }

// Close releases the driver's handles. Stages and open bodies are not
// affected.
func (d *Driver) Close() error {
	d.folders.clear()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.root == nil {
		return nil
	}
	err := d.root.Close()
	d.root = nil
	return err
}

// buffer returns a pooled buffer of bufferSize bytes.
func (d *Driver) buffer() *[]byte {
	if b, ok := d.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, bufferSize)
	return &b
}

// rootFolder opens the root on first use; with create it is made if missing.
func (d *Driver) rootFolder(create bool) (*os.Root, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fs.ErrClosed
	}
	if d.root != nil {
		return d.root, nil
	}
	r, err := os.OpenRoot(d.path)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(d.path, 0o777); err == nil { //nolint:gosec // the umask decides, as for every folder made here
			r, err = os.OpenRoot(d.path)
		}
	}
	if err != nil {
		return nil, err
	}
	d.root = r
	return r, nil
}

// folder opens the folder rel ("" is the root, no trailing slash) for one use.
func (d *Driver) folder(rel string) (*folder, error) {
	r, err := d.rootFolder(false)
	if err != nil {
		return nil, err
	}
	return openFolder(r, rel)
}

// Probe checks that the folder can be listed and, with write, that files can
// be made in its work folder.
func (d *Driver) Probe(ctx context.Context, write bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := d.folder("")
	if err != nil && (!write || !errors.Is(err, fs.ErrNotExist)) {
		return pathError("probe", d.path, err)
	}
	if err == nil {
		err = f.list(new(listing))
		f.close()
		if err != nil {
			return pathError("probe", d.path, err)
		}
	}
	if !write {
		return nil
	}
	return d.probeWrite()
}

// probeWrite makes and removes a file of its own in the work folder.
func (d *Driver) probeWrite() error {
	execution := d.oneOff("probe")
	work, err := d.openWork(execution)
	if err != nil {
		return pathError("probe", d.path, err)
	}
	const name = "probe"
	file, err := work.openFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		_, err = file.WriteString("hikyaku")
		err = errors.Join(err, file.Close(), work.remove(name, false))
	}
	work.close()
	return pathError("probe", storage.WorkFolder, errors.Join(err, d.removeWork(execution)))
}
