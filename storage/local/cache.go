package local

import (
	"errors"
	"io/fs"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// cacheLimit bounds the folders kept open for reading.
const cacheLimit = 64

// folderCache keeps the last folders open, because files are read folder by
// folder. Publication does not use it: it resolves every folder afresh.
type folderCache struct {
	driver *Driver
	mu     sync.Mutex
	open   map[string]*cachedFolder
}

type cachedFolder struct {
	*folder
	refs int
	// dropped folders are closed by their last user.
	dropped bool
}

// with calls use with the folder rel. A folder from the cache may have been
// moved or removed since: if use finds nothing there, it is called once more
// with the folder opened afresh.
func (c *folderCache) with(rel string, use func(*folder) error) error {
	f, hit, err := c.acquire(rel)
	if err != nil {
		return err
	}
	err = use(f.folder)
	c.release(f)
	if !hit || err == nil {
		return err
	}
	if kind := kindOf(err); !errors.Is(err, fs.ErrNotExist) && !errors.Is(kind, storage.ErrTransient) {
		return err
	}
	c.drop(rel)
	if f, _, err = c.acquire(rel); err != nil {
		return err
	}
	defer c.release(f)
	return use(f.folder)
}

func (c *folderCache) acquire(rel string) (f *cachedFolder, hit bool, err error) {
	c.mu.Lock()
	if f := c.open[rel]; f != nil {
		f.refs++
		c.mu.Unlock()
		return f, true, nil
	}
	c.mu.Unlock()
	opened, err := c.driver.folder(rel)
	if err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.open[rel]; other != nil {
		opened.close()
		other.refs++
		return other, false, nil
	}
	if c.open == nil {
		c.open = make(map[string]*cachedFolder)
	}
	c.evict()
	f = &cachedFolder{folder: opened, refs: 1}
	c.open[rel] = f
	return f, false, nil
}

// evict makes room; the order of a map is as good as any here.
func (c *folderCache) evict() {
	for rel, f := range c.open {
		if len(c.open) < cacheLimit {
			return
		}
		if f.refs == 0 {
			f.close()
			delete(c.open, rel)
		}
	}
}

func (c *folderCache) release(f *cachedFolder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.refs--
	if f.refs == 0 && f.dropped {
		f.close()
	}
}

func (c *folderCache) drop(rel string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.open[rel]
	if f == nil {
		return
	}
	delete(c.open, rel)
	if f.dropped = true; f.refs == 0 {
		f.close()
	}
}

func (c *folderCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for rel, f := range c.open {
		delete(c.open, rel)
		if f.dropped = true; f.refs == 0 {
			f.close()
		}
	}
}
