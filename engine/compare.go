package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// verdict says how an item present on both sides compares.
type verdict uint8

const (
	unchanged verdict = iota
	changed
	doubtful // only a question to one of the stores can tell
)

// clockSlack is how much older than an object's LastModified a file's times
// must be for the object to be taken as made from it: LastModified has whole
// seconds and is stamped before or after the body by the store's own clock.
const clockSlack = 2 * time.Second

// comparer decides whether an item must be transferred.
type comparer struct {
	src, dst   storage.Driver
	srcP, dstP storage.Properties
	preserve   preserve
	origins    storage.OriginReader // nil if the destination records none
}

// quick compares two entries of one path by what the listings told.
func (c comparer) quick(src, dst storage.Entry) verdict {
	switch {
	case src.Kind != dst.Kind:
		return changed
	case src.Kind == storage.Dir:
		return c.quickDir(src, dst)
	case src.Kind == storage.Symlink:
		if src.Size == dst.Size && c.preserve.mtime && sameTime(src.ModTime, dst.ModTime) {
			return unchanged
		}
		return doubtful
	case src.Size != dst.Size:
		return changed
	case c.dstP.UserMetadata && c.srcP.UserMetadata:
		return quickObjects(src, dst)
	case c.dstP.UserMetadata:
		return quickOlder(src, dst)
	case c.srcP.UserMetadata:
		return doubtful
	}
	return c.quickFiles(src, dst)
}

func (c comparer) quickDir(src, dst storage.Entry) verdict {
	switch {
	case c.dstP.UserMetadata && dst.Implicit && !src.Implicit:
		return changed
	case c.dstP.UserMetadata && c.srcP.UserMetadata, src.Implicit:
		return unchanged
	case c.dstP.UserMetadata:
		return quickOlder(src, dst)
	case c.srcP.UserMetadata:
		return doubtful
	}
	if samePOSIX(delivered(src, c.preserve, c.srcP, c.dstP), dst) {
		return unchanged
	}
	return changed
}

// quickOlder trusts an object that is clearly younger than the file.
func quickOlder(src, dst storage.Entry) verdict {
	limit := dst.ModTime.Add(-clockSlack)
	if src.ModTime.Before(limit) && !src.ChangeTime.IsZero() && src.ChangeTime.Before(limit) {
		return unchanged
	}
	return doubtful
}

func quickObjects(src, dst storage.Entry) verdict {
	plain := comparableETag(src.ETag) && comparableETag(dst.ETag)
	switch {
	case plain && src.ETag != dst.ETag:
		return changed
	case dst.ModTime.After(src.ModTime):
		return unchanged
	case src.ETag != "" && src.ETag == dst.ETag:
		return doubtful
	}
	return changed
}

// comparableETag reports whether an ETag depends on the content alone and not
// on how it was cut into parts.
func comparableETag(tag string) bool { return tag != "" && !strings.Contains(tag, "-") }

func (c comparer) quickFiles(src, dst storage.Entry) verdict {
	want := delivered(src, c.preserve, c.srcP, c.dstP)
	switch {
	case !samePOSIX(want, dst):
		return changed
	case c.preserve.mtime:
		return unchanged
	case c.origins != nil:
		return doubtful
	}
	return changed
}

// slow settles a doubtful pair by asking the stores. An error of the
// destination counts as changed; the transfer will tell what is wrong.
func (c comparer) slow(ctx context.Context, src, dst storage.Entry) (verdict, error) {
	switch {
	case c.srcP.UserMetadata && c.dstP.UserMetadata:
		return c.slowObjects(ctx, src, dst)
	case c.dstP.UserMetadata:
		return c.slowFileToObject(ctx, src, dst), nil
	case src.Kind == storage.Dir:
		full, err := c.src.Stat(ctx, src.Path)
		if err != nil {
			return changed, coded(SourceReadFailed, err)
		}
		return verdictOf(samePOSIX(delivered(full, c.preserve, c.srcP, c.dstP), dst)), nil
	}
	if c.origins != nil {
		o, ok, err := c.origins.Origin(ctx, dst.Path)
		if err == nil && ok {
			return verdictOf(o.Size == src.Size && o.ETag == src.ETag && o.ModTime.Equal(src.ModTime)), nil
		}
	}
	if !c.srcP.UserMetadata {
		return changed, nil
	}
	return c.slowObjectToFile(ctx, src, dst)
}

// slowObjectToFile is for files whose origin nobody recorded: the file must
// carry the time that delivering the object would give it.
func (c comparer) slowObjectToFile(ctx context.Context, src, dst storage.Entry) (verdict, error) {
	if !c.preserve.mtime {
		return changed, nil
	}
	if sameTime(src.ModTime, dst.ModTime) && !c.preserve.owner() {
		return unchanged, nil
	}
	full, err := c.src.Stat(ctx, src.Path)
	if err != nil {
		return changed, coded(SourceReadFailed, err)
	}
	return verdictOf(full.Size == dst.Size && samePOSIX(delivered(full, c.preserve, c.srcP, c.dstP), dst)), nil
}

func (c comparer) slowFileToObject(ctx context.Context, src, dst storage.Entry) verdict {
	full, err := c.dst.Stat(ctx, dst.Path)
	if err != nil || full.Object == nil || full.Size != src.Size && src.Kind != storage.Dir {
		return changed
	}
	want := encodePOSIX(src, c.preserve)
	if want[metaMtime] == "" && src.Kind != storage.Dir {
		return changed // nothing ties the object to this version of the file
	}
	return verdictOf(sameUser(want, full.Object.User))
}

func (c comparer) slowObjects(ctx context.Context, src, dst storage.Entry) (verdict, error) {
	s, err := c.src.Stat(ctx, src.Path)
	if err != nil {
		return changed, coded(SourceReadFailed, err)
	}
	d, err := c.dst.Stat(ctx, dst.Path)
	if err != nil {
		return changed, nil //nolint:nilerr // the transfer will tell what is wrong
	}
	return verdictOf(s.ETag == d.ETag && s.Size == d.Size && sameObjects(s.Object, d.Object)), nil
}

func sameObjects(a, b *storage.Object) bool {
	var x, y map[string]string
	if a != nil {
		x = a.User
	}
	if b != nil {
		y = b.User
	}
	if len(x) != len(y) {
		return false
	}
	for k, v := range x {
		if w, ok := y[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// sameUser compares POSIX metadata as written with what an object carries, by
// meaning; access times never count.
func sameUser(want, have map[string]string) bool {
	w, h := decodePOSIX(want), decodePOSIX(have)
	return (!w.hasMtime || h.hasMtime && sameTime(w.mtime, h.mtime)) &&
		(!w.hasUID || h.hasUID && w.posix.UID == h.posix.UID) &&
		(!w.hasGID || h.hasGID && w.posix.GID == h.posix.GID) &&
		(!w.hasMode || h.hasMode && w.posix.Mode == h.posix.Mode)
}

func verdictOf(same bool) verdict {
	if same {
		return unchanged
	}
	return changed
}

// gone reports whether an error says that an item is not there.
func gone(err error) bool { return errors.Is(err, storage.ErrNotExist) }
