// Package storage is the contract between the transfer engine and the places
// files live: folders, object stores, file servers.
//
// A [Driver] is one location: a store and a root inside it that no operation
// may leave. Listing is ordered, reading is ranged and pinned to the version
// that was listed, and writing is staged: bytes become visible under their
// final name only by [Stage.Publish], after the engine has verified them.
//
// Not guaranteed: isolation from other writers. Somebody else may change
// either side at any time; drivers report that ([ErrChanged], [ErrNotExist])
// and never mix two versions of one file.
package storage

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// WorkFolder is the hidden folder at a destination's root in which files are
// staged. List never yields it or anything below it, at any root.
const WorkFolder = ".hikyaku"

// OneOff begins the names of executions that only their own process knows of.
// Their work folders are theirs for as long as the process lives; those of
// processes that have ended are removed by the next one-off stage, and by
// [Sweeper], where the system can tell.
const OneOff = "sync-"

// Kind says what an entry is.
type Kind uint8

// The kinds of entries.
const (
	File Kind = iota
	Dir
	Symlink
	// Other is a device, FIFO or socket: listed so that it can be reported, never copied.
	Other
)

// Entry is one item of a listing.
type Entry struct {
	// Path is relative to the location's root: slashes, no leading slash, and
	// a trailing slash on directories ("a/b/"). The root itself is "". Bytes
	// are as the store has them; they need not be valid UTF-8.
	Path string
	Kind Kind
	// Size is the content's length in bytes; 0 for directories.
	Size int64
	// ModTime is the file's mtime or the object's LastModified.
	ModTime time.Time
	// ChangeTime is the file's ctime; zero where the store has none.
	ChangeTime time.Time
	// ETag is the object's entity tag with its quotes; empty where there is none.
	ETag string
	// Implicit marks a directory that exists only because keys lie below it.
	Implicit bool
	// POSIX holds owner and mode where the store keeps them, else nil.
	POSIX *POSIX
	// Object holds what object stores keep beside the content. Listings leave
	// it nil; Open and Stat fill it where the store has it.
	Object *Object
}

// Values of POSIX members that leave the destination's own: for writing an
// owner without a mode, or the reverse.
const (
	KeepID   = -1
	KeepMode = ^uint32(0)
)

// POSIX is a file's ownership and permission bits. In entries given to
// Finish, MakeDir and MakeSymlink a negative UID or GID leaves the owner or
// group as the destination makes it, and Mode may be [KeepMode].
type POSIX struct {
	// UID and GID are numeric; KeepID leaves the destination's.
	UID, GID int
	// Mode is st_mode's permission bits including set-id and sticky (0o7777);
	// KeepMode leaves the destination's.
	Mode uint32
	// Atime is zero when unknown.
	Atime time.Time
}

// Object is the metadata object stores keep beside the content.
type Object struct {
	ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl string
	// User is user metadata, keys in lower case without "x-amz-meta-".
	User map[string]string
	// StorageClass is the store's own name, for example GLACIER.
	StorageClass string
	// TagCount is how many tags the object has, as far as Open was told;
	// [TagReader] reads them.
	TagCount int
	// Tags are stored with an object that is written. Reading leaves them nil.
	Tags map[string]string
}

// Sum is a checksum of a whole content. The zero Sum means unknown.
type Sum struct {
	Algorithm Algorithm
	// Value is big endian. A CRC32C is in the first 4 bytes, Value[:4], and
	// the others are zero; a CRC64NVME takes all 8.
	Value [8]byte
}

// Algorithm names a checksum algorithm.
type Algorithm uint8

// The algorithms.
const (
	NoSum Algorithm = iota
	CRC64NVME
	CRC32C
)

// Origin identifies the version of a source item a destination file was
// delivered from. A destination that can records it, so that the next run
// knows without reading content that nothing changed.
type Origin struct {
	Size    int64
	ETag    string
	ModTime time.Time
}

// Content is an opened body and what the store said about it while opening.
type Content struct {
	Body io.ReadCloser
	// Entry is the listed entry with POSIX, Object and exact times filled in
	// as far as the store told (S3: the GET response's headers).
	Entry Entry
	// Sum is the store's own full-object checksum, when it sent one.
	Sum Sum
}

// Properties states what a driver's store can do, as data.
type Properties struct {
	// Scheme is "file", "s3", …; for messages.
	Scheme string
	// Name shows the location to people: "s3://outbox/orders", "/srv/filer".
	Name string
	// Root tells where the location's root is, for comparing locations: it
	// ends in "/", and a location lies in another if its Root begins with the
	// other's. Two different Roots may still be one place (mounts, aliases of
	// a server). Empty is unknown.
	Root string
	// PartSize is the unit of parallel writing: parts are issued at multiples
	// of it and all but the last have this size. 0 means no limit is imposed
	// by the store and the engine may choose.
	PartSize int64
	// MaxFile is the largest file the store takes; 0 is unlimited.
	MaxFile int64
	// POSIXMetadata: mode, owner and mtime are native (files).
	POSIXMetadata bool
	// UserMetadata: user metadata is native (objects).
	UserMetadata bool
	// Directories: directories exist on their own.
	Directories bool
	// Symlinks can be made and read.
	Symlinks bool
	// CaseInsensitive: "A" and "a" are one file.
	CaseInsensitive bool
	// Normalizes: names that differ only in their Unicode normal form ("é" as
	// one code point or two) are one file. The driver is a [Normalizer] then.
	Normalizes bool
	// Atomic: a half-written file never shows under its final name.
	Atomic bool
	// VisibleAtFinish: Finish itself gives the file its final name, in the
	// place of what had it, so that Publish has nothing left to do. What a
	// successful Finish stored is whole and stays: closing the stage leaves
	// it, and only Discard, which is for content proven bad, deletes it.
	VisibleAtFinish bool
	// StoreVerifies: the store itself checks the checksum handed to Finish.
	StoreVerifies bool
}

// List says what to list.
type List struct {
	// Prefix limits the listing to paths equal to it or beginning with it. A
	// prefix ending in "/" is a directory: the directory entry itself and
	// everything below. Others match by path prefix as S3 does ("a" matches
	// "a", "ab/c"), which drivers over folders must honour too.
	Prefix string
}

// Driver is one location. All methods may be called concurrently.
//
// Errors satisfy errors.Is with the sentinels below where they apply, and
// [*PathError] carries the operation and path.
type Driver interface {
	// Properties never changes during the driver's life and never blocks.
	Properties() Properties
	// List yields entries in ascending byte order of Path (with directories'
	// trailing slash counted), each directory before what it holds,
	// directories implied by keys included (Implicit). A missing root or
	// prefix yields nothing, and the root itself is never yielded. An entry that cannot be represented or read
	// (for example a key with "..") is yielded as a zero-Kind Entry with its
	// Path and an error satisfying [ErrName] or [ErrDenied]; listing goes on.
	// Any other error ends the sequence. Memory stays constant per directory
	// level (folders) or page (object stores).
	List(ctx context.Context, q List) iter.Seq2[Entry, error]
	// Stat returns one entry with all its metadata, or ErrNotExist.
	Stat(ctx context.Context, path string) (Entry, error)
	// Open reads length bytes of e from offset (length < 0: to the end),
	// pinned to e's version: if the store's version differs from e.ETag (or,
	// without ETags, size or ModTime differ) the error is ErrChanged, at once
	// or while reading. Reading short of length is an error, never a clean
	// EOF. For a Symlink the body is the target path.
	Open(ctx context.Context, e Entry, offset, length int64) (*Content, error)
	// Stage begins writing on behalf of one execution. execution names its
	// work folder: letters, digits and "-" only.
	Stage(ctx context.Context, execution string) (Stage, error)
	// Remove deletes a file, or a directory if it is empty. A missing item is no error.
	Remove(ctx context.Context, e Entry) error
	// Close releases connections and handles.
	Close() error
}

// Stage is one execution's right to write at a destination. Its methods may
// be called concurrently, for different files.
type Stage interface {
	// Create begins a file of exactly e.Size bytes that will be published at
	// e.Path. Parents are made at publication. ErrName if the path cannot be
	// represented or would leave the root; ErrConflict if a parent is a file
	// or the path is a directory.
	Create(ctx context.Context, e Entry) (StagedFile, error)
	// Sync makes the content of finished files durable, as one batch: one
	// syncfs or so instead of an fsync each. A no-op where Finish is durable.
	Sync(ctx context.Context, files []StagedFile) error
	// Publish gives each finished file its final name, atomically one by one,
	// and makes the names durable (folders synced once per batch). errs has
	// one element per file; nil is success. Files are consumed.
	Publish(ctx context.Context, files []StagedFile) (errs []error)
	// MakeDir makes a directory (and parents) or, if it exists, sets the
	// metadata e carries. Object stores with directory markers write one.
	MakeDir(ctx context.Context, e Entry) error
	// Close removes the stage's work folder and everything unpublished in it,
	// but never a file that has its final name (VisibleAtFinish).
	Close(ctx context.Context) error
}

// StagedFile is a file being written. WritePart may be called concurrently
// for different parts; the others must not overlap any call.
type StagedFile interface {
	// WritePart stores exactly size bytes read from r at offset. A file not
	// larger than one part has exactly one part, also when empty. A part may
	// be written again (a retry) before Finish.
	WritePart(ctx context.Context, offset, size int64, r io.Reader) error
	// Finish completes the content and sets metadata: e's ModTime, POSIX and
	// Object members where non-zero, and origin where the store can record
	// it. sum is the content's checksum; where StoreVerifies the store
	// refuses a content that differs (ErrCorrupt).
	Finish(ctx context.Context, e Entry, origin Origin, sum Sum) error
	// ReadBack reads what was stored, from the store, for verification. Valid
	// after Finish and before Publish.
	ReadBack(ctx context.Context, offset, length int64) (io.ReadCloser, error)
	// Discard drops an unpublished file. Safe after Publish (does nothing).
	// Between Finish and Publish of a store with VisibleAtFinish it deletes
	// what stands under the final name.
	Discard(ctx context.Context) error
}

// PartSizer is implemented by staged files of stores that limit the number of
// parts: a very large file needs larger ones than [Properties.PartSize].
type PartSizer interface {
	// PartSize takes the place of Properties.PartSize for this file; 0 leaves it.
	PartSize() int64
}

// BackReader is implemented by staged files that can be read while they are
// being written: a block is cheapest to read back right after it was stored.
type BackReader interface {
	// WritePartBack is WritePart that reads each block back from the store
	// once it is stored, and hands it to back before it goes on to the next:
	// in order, size bytes in all. back must not keep the slice.
	WritePartBack(ctx context.Context, offset, size int64, r io.Reader, back func([]byte)) error
}

// OriginReader is implemented by drivers that record [Origin].
type OriginReader interface {
	// Origin returns what was recorded when path was published, or ok false.
	Origin(ctx context.Context, path string) (o Origin, ok bool, err error)
}

// Summer is implemented by drivers that can tell a file's checksum without
// reading it.
type Summer interface {
	// Sum returns the store's own full-object checksum of e's version, the
	// zero Sum if it has none, or ErrChanged if e is no longer that version.
	Sum(ctx context.Context, e Entry) (Sum, error)
}

// TagReader is implemented by drivers of stores whose objects have tags.
type TagReader interface {
	// Tags returns the tags of a file, whatever its version.
	Tags(ctx context.Context, path string) (map[string]string, error)
}

// Versioner is implemented by drivers of stores that may keep versions of files.
type Versioner interface {
	// Version returns the store's name of the newest version of a file, empty
	// if the store keeps none.
	Version(ctx context.Context, path string) (string, error)
}

// Sweeper is implemented by drivers with work folders.
type Sweeper interface {
	// Sweep removes the work folders of executions for which alive is false
	// and leaves the others. It does not ask about those named [OneOff].
	Sweep(ctx context.Context, alive func(execution string) bool) error
}

// SymlinkMaker is implemented by drivers with Properties.Symlinks.
type SymlinkMaker interface {
	// MakeSymlink makes or replaces the link e.Path with target.
	MakeSymlink(ctx context.Context, e Entry, target string) error
}

// Prober is implemented by drivers that can check access ahead of use.
type Prober interface {
	// Probe checks that the location is reachable and readable and, if write
	// is set, that its work folder can be written.
	Probe(ctx context.Context, write bool) error
}

// Sentinels that drivers' errors satisfy by errors.Is.
var (
	// ErrNotExist: the item is not there (any more).
	ErrNotExist = errors.New("does not exist")
	// ErrChanged: the item is no longer the version that was listed.
	ErrChanged = errors.New("changed since it was listed")
	// ErrName: the path cannot be represented here or would leave the root.
	ErrName = errors.New("name cannot be used here")
	// ErrConflict: a file stands where a directory is needed, or the reverse.
	ErrConflict = errors.New("file and directory of the same name")
	// ErrDenied: permission or credentials do not allow it.
	ErrDenied = errors.New("access denied")
	// ErrArchived: the object must be restored first.
	ErrArchived = errors.New("object is archived")
	// ErrCorrupt: content differs from its checksum.
	ErrCorrupt = errors.New("content does not match its checksum")
	// ErrNoSpace: the store is full or over quota.
	ErrNoSpace = errors.New("no space left")
	// ErrTransient: worth trying again (throttled, connection lost, 5xx).
	ErrTransient = errors.New("temporary failure")
)

// PathError is an error with the operation and path it happened to. Msg may
// be nil; Kind is one of the sentinels, or nil.
type PathError struct {
	Op, Path string
	Kind     error
	Err      error
}

// Error returns "op path: cause".
func (e *PathError) Error() string {
	msg := e.Op + " " + quoted(e.Path)
	switch {
	case e.Err != nil:
		return msg + ": " + e.Err.Error()
	case e.Kind != nil:
		return msg + ": " + e.Kind.Error()
	}
	return msg
}

// Unwrap returns both the sentinel and the cause.
func (e *PathError) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}
