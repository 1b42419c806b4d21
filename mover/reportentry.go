package mover

import (
	"fmt"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
)

// What follows are a report's entries, by the names DataSync gives them in
// Basic mode as far as they are known. FailureCode is a word of the engine's
// where DataSync has a number.

type transferredEntry struct {
	RelativePath      string
	SrcMetadata       *itemMetadata `json:",omitempty"`
	Overwrite         string
	DstS3VersionID    string `json:"DstS3VersionId,omitempty"`
	TransferTimestamp time.Time
	TransferType      string
	TransferStatus    string
	FailureReason     string `json:",omitempty"`
	FailureCode       string `json:",omitempty"`
}

type verifiedEntry struct {
	RelativePath    string
	SrcMetadata     *itemMetadata `json:",omitempty"`
	DstMetadata     *itemMetadata `json:",omitempty"`
	SrcHash         string        `json:",omitempty"`
	DstHash         string        `json:",omitempty"`
	VerifyTimestamp time.Time
	VerifyStatus    string
	FailureReason   string `json:",omitempty"`
	FailureCode     string `json:",omitempty"`
}

type skippedEntry struct {
	RelativePath  string
	SrcMetadata   *itemMetadata `json:",omitempty"`
	SkipTimestamp time.Time
	SkipReason    string
	SkipStatus    string
	FailureReason string `json:",omitempty"`
	FailureCode   string `json:",omitempty"`
}

type deletedEntry struct {
	RelativePath    string
	DstMetadata     *itemMetadata `json:",omitempty"`
	DeleteTimestamp time.Time
	DeleteStatus    string
	FailureReason   string `json:",omitempty"`
	FailureCode     string `json:",omitempty"`
}

// itemMetadata is what a report says of an item on one side.
type itemMetadata struct {
	Type        string
	ContentSize int64
	Mtime       *time.Time `json:",omitempty"`
	Atime       *time.Time `json:",omitempty"`
	UID         *int       `json:"Uid,omitempty"`
	GID         *int       `json:"Gid,omitempty"`
	Mode        string     `json:",omitempty"`
}

func metadataOf(e *storage.Entry) *itemMetadata {
	if e == nil {
		return nil
	}
	m := &itemMetadata{Type: typeOf(e.Kind), ContentSize: e.Size}
	if !e.ModTime.IsZero() {
		m.Mtime = new(e.ModTime.UTC())
	}
	p := e.POSIX
	if p == nil {
		return m
	}
	if !p.Atime.IsZero() {
		m.Atime = new(p.Atime.UTC())
	}
	if p.UID >= 0 {
		m.UID = new(p.UID)
	}
	if p.GID >= 0 {
		m.GID = new(p.GID)
	}
	if p.Mode != storage.KeepMode {
		m.Mode = fmt.Sprintf("%04o", p.Mode)
	}
	return m
}

func typeOf(k storage.Kind) string {
	switch k {
	case storage.Dir:
		return "Directory"
	case storage.Symlink:
		return "Symlink"
	case storage.Other:
		return "Other"
	case storage.File:
	}
	return "Regular"
}

// Reasons of items that were skipped as they should be.
const (
	reasonKept      = "The destination has an item of this name, and OverwriteMode is NEVER."
	reasonUnchanged = "The destination's item is up to date."
	reasonFailed    = "The item could not be prepared."
)

// entryOf returns f as an entry of a list.
func entryOf(k kind, f engine.FileResult, now time.Time, overwrites bool) any {
	path := relativePath(f.Path)
	status, reason, code := "SUCCESS", "", ""
	if f.Err != nil {
		status, reason, code = "FAILED", f.Err.Error(), string(f.Code)
	}
	switch k {
	case kindVerified:
		return verifiedEntry{
			RelativePath: path, SrcMetadata: metadataOf(f.Source), DstMetadata: metadataOf(f.Destination),
			SrcHash: sumText(f.SourceSum), DstHash: sumText(f.DestinationSum),
			VerifyTimestamp: now, VerifyStatus: status, FailureReason: reason, FailureCode: code,
		}
	case kindSkipped:
		why := reasonUnchanged
		if !overwrites {
			why = reasonKept
		}
		if f.Err != nil {
			why = reasonFailed
		}
		return skippedEntry{
			RelativePath: path, SrcMetadata: metadataOf(f.Source), SkipTimestamp: now, SkipReason: why, SkipStatus: status,
			FailureReason: reason, FailureCode: code,
		}
	case kindDeleted:
		return deletedEntry{
			RelativePath: path, DstMetadata: metadataOf(f.Destination), DeleteTimestamp: now, DeleteStatus: status,
			FailureReason: reason, FailureCode: code,
		}
	case kindTransferred, kinds:
	}
	overwrite := "False"
	if f.Overwrote {
		overwrite = "True"
	}
	return transferredEntry{
		RelativePath: path, SrcMetadata: metadataOf(f.Source), Overwrite: overwrite, DstS3VersionID: f.Version, TransferTimestamp: now,
		TransferType: "CONTENT_AND_METADATA", TransferStatus: status, FailureReason: reason, FailureCode: code,
	}
}

// relativePath is a path as reports have it.
func relativePath(path string) string { return "/" + strings.TrimSuffix(path, "/") }
