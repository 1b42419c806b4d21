package mover

import (
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku/engine"
)

// Options are DataSync's task options by DataSync's names and values. In a
// request an empty member means "not given"; in a task or execution every
// member is set.
type Options struct {
	VerifyMode           string `json:"verify_mode,omitempty"`
	OverwriteMode        string `json:"overwrite_mode,omitempty"`
	Atime                string `json:"atime,omitempty"`
	Mtime                string `json:"mtime,omitempty"`
	UID                  string `json:"uid,omitempty"`
	GID                  string `json:"gid,omitempty"`
	PreserveDeletedFiles string `json:"preserve_deleted_files,omitempty"`
	PreserveDevices      string `json:"preserve_devices,omitempty"`
	PosixPermissions     string `json:"posix_permissions,omitempty"`
	// BytesPerSecond is -1 (unlimited) or at least 1.
	BytesPerSecond              *int64 `json:"bytes_per_second,omitempty"`
	TaskQueueing                string `json:"task_queueing,omitempty"`
	LogLevel                    string `json:"log_level,omitempty"`
	TransferMode                string `json:"transfer_mode,omitempty"`
	SecurityDescriptorCopyFlags string `json:"security_descriptor_copy_flags,omitempty"`
	ObjectTags                  string `json:"object_tags,omitempty"`
}

// Values that more than one place needs.
const (
	none                    = "NONE"
	preserve                = "PRESERVE"
	remove                  = "REMOVE"
	verifyPointInTime       = "POINT_IN_TIME_CONSISTENT"
	verifyTransferred       = "ONLY_FILES_TRANSFERRED"
	queueingDisabled        = "DISABLED"
	overwriteNever          = "NEVER"
	transferAll             = "ALL"
	logTransfer             = "TRANSFER"
	logOff                  = "OFF"
	unlimited         int64 = -1
)

// defaultOptions returns DataSync's defaults for Basic mode. A destination
// that is a folder of this machine gets files owned by the server's user,
// because setting owners needs privileges a server should not have.
func defaultOptions(destination LocationType) Options {
	o := Options{
		VerifyMode: verifyPointInTime, OverwriteMode: "ALWAYS", Atime: "BEST_EFFORT", Mtime: preserve,
		UID: "INT_VALUE", GID: "INT_VALUE", PreserveDeletedFiles: preserve, PreserveDevices: none,
		PosixPermissions: preserve, BytesPerSecond: new(unlimited), TaskQueueing: "ENABLED", LogLevel: logOff,
		TransferMode: "CHANGED", SecurityDescriptorCopyFlags: none, ObjectTags: preserve,
	}
	if destination == TypeFile {
		o.UID, o.GID, o.PosixPermissions = none, none, none
	}
	return o
}

// over returns o with the members that are set in p replaced.
func (o Options) over(p Options) Options {
	set := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	set(&o.VerifyMode, p.VerifyMode)
	set(&o.OverwriteMode, p.OverwriteMode)
	set(&o.Atime, p.Atime)
	set(&o.Mtime, p.Mtime)
	set(&o.UID, p.UID)
	set(&o.GID, p.GID)
	set(&o.PreserveDeletedFiles, p.PreserveDeletedFiles)
	set(&o.PreserveDevices, p.PreserveDevices)
	set(&o.PosixPermissions, p.PosixPermissions)
	set(&o.TaskQueueing, p.TaskQueueing)
	set(&o.LogLevel, p.LogLevel)
	set(&o.TransferMode, p.TransferMode)
	set(&o.SecurityDescriptorCopyFlags, p.SecurityDescriptorCopyFlags)
	set(&o.ObjectTags, p.ObjectTags)
	if p.BytesPerSecond != nil {
		o.BytesPerSecond = new(*p.BytesPerSecond)
	}
	return o
}

// check refuses values outside DataSync's enums, values that this server does
// not carry out, and pairs DataSync forbids. o must be complete.
func (o Options) check() error {
	for _, c := range []struct {
		name, value string
		supported   []string
		known       []string
	}{
		{"VerifyMode", o.VerifyMode, []string{verifyPointInTime, verifyTransferred, none}, nil},
		{"OverwriteMode", o.OverwriteMode, []string{"ALWAYS", overwriteNever}, nil},
		{"Atime", o.Atime, []string{"BEST_EFFORT", none}, nil},
		{"Mtime", o.Mtime, []string{preserve, none}, nil},
		{"Uid", o.UID, []string{"INT_VALUE", none}, []string{"NAME", "BOTH"}},
		{"Gid", o.GID, []string{"INT_VALUE", none}, []string{"NAME", "BOTH"}},
		{"PreserveDeletedFiles", o.PreserveDeletedFiles, []string{preserve, remove}, nil},
		{"PreserveDevices", o.PreserveDevices, []string{none}, []string{preserve}},
		{"PosixPermissions", o.PosixPermissions, []string{preserve, none}, nil},
		{"TaskQueueing", o.TaskQueueing, []string{"ENABLED", queueingDisabled}, nil},
		{"LogLevel", o.LogLevel, []string{logOff, "BASIC", logTransfer}, nil},
		{"TransferMode", o.TransferMode, []string{"CHANGED", transferAll}, nil},
		{"SecurityDescriptorCopyFlags", o.SecurityDescriptorCopyFlags, []string{none}, []string{"OWNER_DACL", "OWNER_DACL_SACL"}},
		{"ObjectTags", o.ObjectTags, []string{preserve, none}, nil},
	} {
		switch {
		case slices.Contains(c.supported, c.value):
		case slices.Contains(c.known, c.value):
			return unsupported("Option %s=%s is not supported by this server; use %s.", c.name, c.value, strings.Join(c.supported, " or "))
		default:
			return invalid("Invalid SyncOption value. Option: %s, Value: %s.", c.name, c.value)
		}
	}
	return o.checkPairs()
}

func (o Options) checkPairs() error {
	if b := *o.BytesPerSecond; b < unlimited || b == 0 {
		return invalid("Invalid SyncOption value. Option: BytesPerSecond, Value: %d. Use -1 (unlimited) or at least 1.", b)
	}
	if o.TransferMode == transferAll && o.PreserveDeletedFiles == remove {
		return invalid("Invalid SyncOption value. Option: TransferMode,PreserveDeletedFiles, Value: ALL,REMOVE.")
	}
	if (o.Atime == none) != (o.Mtime == none) {
		return invalid("Invalid SyncOption value. Option: Atime,Mtime, Value: %s,%s.", o.Atime, o.Mtime)
	}
	return nil
}

// engine returns the part of the options the engine carries out.
func (o Options) engine() engine.Options {
	return engine.Options{
		VerifyMode: o.VerifyMode, OverwriteMode: o.OverwriteMode, TransferMode: o.TransferMode,
		PreserveDeletedFiles: o.PreserveDeletedFiles, Atime: o.Atime, Mtime: o.Mtime,
		UID: o.UID, GID: o.GID, PosixPermissions: o.PosixPermissions, ObjectTags: o.ObjectTags,
	}
}
