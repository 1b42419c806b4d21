package engine

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Keys of user metadata in which POSIX metadata travels through object
// stores, as AWS DataSync, Storage Gateway and FSx for Lustre write them.
const (
	metaAgent       = "user-agent"
	metaOwner       = "file-owner"
	metaGroup       = "file-group"
	metaPermissions = "file-permissions"
	metaMtime       = "file-mtime"
	metaAtime       = "file-atime"

	agentName = "aws-datasync"
)

// st_mode's type bits.
const (
	modeType    = 0o170000
	modeFile    = 0o100000
	modeDir     = 0o040000
	modeSymlink = 0o120000
	modeBits    = 0o7777
)

// Metadata of items that carry none, where it is to be preserved.
const (
	defaultID   = 65534
	defaultMode = 0o755
)

// preserve says which metadata a run carries over.
type preserve struct {
	mtime, atime, uid, gid, mode bool
}

func (p preserve) owner() bool { return p.uid || p.gid || p.mode }

// posixMeta is POSIX metadata as far as it is known.
type posixMeta struct {
	posix              storage.POSIX
	hasUID, hasGID     bool
	hasMode            bool
	mtime              time.Time
	typ                uint32
	hasMtime, hasAtime bool
}

// decodePOSIX reads POSIX metadata from user metadata; what is absent or not
// understood is left out.
func decodePOSIX(user map[string]string) posixMeta {
	var m posixMeta
	if id, ok := parseID(user[metaOwner]); ok {
		m.posix.UID, m.hasUID = id, true
	}
	if id, ok := parseID(user[metaGroup]); ok {
		m.posix.GID, m.hasGID = id, true
	}
	if v, err := strconv.ParseUint(user[metaPermissions], 8, 32); err == nil && v <= modeType|modeBits {
		m.posix.Mode, m.typ, m.hasMode = uint32(v)&modeBits, uint32(v)&modeType, true
	}
	m.mtime, m.hasMtime = parseTime(user[metaMtime])
	m.posix.Atime, m.hasAtime = parseTime(user[metaAtime])
	return m
}

func parseID(s string) (int, bool) {
	v, err := strconv.ParseUint(s, 10, 32)
	return int(v), err == nil
}

// parseTime reads "…ns", bare milliseconds and "seconds/nanoseconds".
func parseTime(s string) (time.Time, bool) {
	if sec, nsec, ok := strings.Cut(s, "/"); ok {
		a, errA := strconv.ParseInt(sec, 10, 64)
		b, errB := strconv.ParseUint(nsec, 10, 32)
		if errA != nil || errB != nil || b >= 1e9 || a > maxSeconds || a < -maxSeconds {
			return time.Time{}, false
		}
		return time.Unix(a, int64(b)), true
	}
	if ns, ok := strings.CutSuffix(s, "ns"); ok {
		v, err := strconv.ParseInt(ns, 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		return time.Unix(0, v), true
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v > maxSeconds*1000 || v < -maxSeconds*1000 {
		return time.Time{}, false
	}
	return time.UnixMilli(v), true
}

// maxSeconds bounds times to those whose nanoseconds fit 64 bits.
const maxSeconds = 1<<63/1_000_000_000 - 1

func formatTime(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) + "ns" }

// timeFits reports whether a time can be written in nanoseconds.
func timeFits(t time.Time) bool {
	s := t.Unix()
	return !t.IsZero() && s < maxSeconds && s > -maxSeconds
}

// encodePOSIX writes a file system entry's metadata as user metadata.
func encodePOSIX(e storage.Entry, p preserve) map[string]string {
	user := map[string]string{metaAgent: agentName}
	if p.mtime && timeFits(e.ModTime) {
		user[metaMtime] = formatTime(e.ModTime)
	}
	if e.POSIX == nil {
		return user
	}
	if p.atime && timeFits(e.POSIX.Atime) {
		user[metaAtime] = formatTime(e.POSIX.Atime)
	}
	if p.uid && e.POSIX.UID >= 0 {
		user[metaOwner] = strconv.Itoa(e.POSIX.UID)
	}
	if p.gid && e.POSIX.GID >= 0 {
		user[metaGroup] = strconv.Itoa(e.POSIX.GID)
	}
	if p.mode && e.POSIX.Mode != storage.KeepMode {
		typ := uint32(modeFile)
		switch e.Kind {
		case storage.Dir:
			typ = modeDir
		case storage.Symlink:
			typ = modeSymlink
		case storage.File, storage.Other:
		}
		user[metaPermissions] = fmt.Sprintf("0%o", typ|e.POSIX.Mode&modeBits)
	}
	return user
}

// delivered returns the entry a destination is to hold for the source's e
// (complete, as Open or Stat gave it): the metadata to preserve and no more.
func delivered(e storage.Entry, p preserve, src, dst storage.Properties) storage.Entry {
	out := storage.Entry{Path: e.Path, Kind: e.Kind, Size: e.Size}
	if src.UserMetadata && dst.UserMetadata {
		if e.Object != nil {
			o := *e.Object
			o.User, o.StorageClass = maps.Clone(o.User), ""
			o.Tags, o.TagCount = nil, 0
			out.Object = &o
		}
		return out
	}
	if dst.UserMetadata {
		out.Object = &storage.Object{User: encodePOSIX(e, p)}
		return out
	}
	if src.UserMetadata {
		e = restored(e)
	}
	if p.mtime && !e.Implicit {
		out.ModTime = e.ModTime
	}
	if dst.POSIXMetadata && e.POSIX != nil && (p.owner() || p.atime && !e.POSIX.Atime.IsZero()) {
		out.POSIX = kept(*e.POSIX, p)
	}
	return out
}

// kept masks what is not to be preserved.
func kept(x storage.POSIX, p preserve) *storage.POSIX {
	if !p.uid {
		x.UID = storage.KeepID
	}
	if !p.gid {
		x.GID = storage.KeepID
	}
	if !p.mode {
		x.Mode = storage.KeepMode
	}
	if !p.atime {
		x.Atime = time.Time{}
	}
	return &x
}

// restored gives an object the POSIX metadata it carries, or the defaults.
func restored(e storage.Entry) storage.Entry {
	var m posixMeta
	if e.Object != nil {
		m = decodePOSIX(e.Object.User)
	}
	x := storage.POSIX{UID: defaultID, GID: defaultID, Mode: defaultMode, Atime: m.posix.Atime}
	if m.hasUID {
		x.UID = m.posix.UID
	}
	if m.hasGID {
		x.GID = m.posix.GID
	}
	if m.hasMode {
		x.Mode = m.posix.Mode
	}
	e.POSIX = &x
	if m.hasMtime {
		e.ModTime = m.mtime
	}
	return e
}

// samePOSIX compares what is to be preserved: have against want, the entry
// made by delivered. Mtime counts unless want leaves it open; access times never do.
func samePOSIX(want, have storage.Entry) bool {
	if !want.ModTime.IsZero() && !sameTime(want.ModTime, have.ModTime) {
		return false
	}
	if want.POSIX == nil || have.POSIX == nil {
		return true
	}
	w, h := want.POSIX, have.POSIX
	return (w.UID < 0 || w.UID == h.UID) && (w.GID < 0 || w.GID == h.GID) &&
		(w.Mode == storage.KeepMode || w.Mode&modeBits == h.Mode&modeBits)
}

// sameTime compares to the microsecond, the finest most stores keep.
func sameTime(a, b time.Time) bool {
	d := a.Sub(b)
	return d < time.Microsecond && d > -time.Microsecond
}
