package engine

import (
	"runtime"
	"slices"

	"github.com/hikyaku/hikyaku/storage"
)

// Values of Options.
const (
	verifyAll         = "POINT_IN_TIME_CONSISTENT"
	verifyTransferred = "ONLY_FILES_TRANSFERRED"
	valueNone         = "NONE"
	valuePreserve     = "PRESERVE"
	valueAlways       = "ALWAYS"
	valueNever        = "NEVER"
	valueChanged      = "CHANGED"
	valueAll          = "ALL"
	valueRemove       = "REMOVE"
	valueBestEffort   = "BEST_EFFORT"
	valueInt          = "INT_VALUE"
)

// options are Options decided.
type options struct {
	verify      bool // read back what is transferred
	verifyAll   bool // and compare everything afterwards
	overwrite   bool
	all         bool
	remove      bool
	preserve    preserve
	tags        bool
	concurrency int
}

// oneOf returns value or, if it is empty, the first allowed one.
func oneOf(name, value string, allowed ...string) (string, error) {
	if value == "" {
		return allowed[0], nil
	}
	if slices.Contains(allowed, value) {
		return value, nil
	}
	return "", invalid("Invalid SyncOption value. Option: %s, Value: %s.", name, value)
}

// Validate checks the values and their combination; the texts are DataSync's.
func (o Options) Validate() error {
	_, err := o.decide()
	return err
}

func (o Options) decide() (options, error) {
	var out options
	for _, c := range []struct {
		name, value string
		allowed     []string
		set         func(v string)
	}{
		{"VerifyMode", o.VerifyMode, []string{verifyAll, verifyTransferred, valueNone}, func(v string) { out.verify, out.verifyAll = v != valueNone, v == verifyAll }},
		{"OverwriteMode", o.OverwriteMode, []string{valueAlways, valueNever}, func(v string) { out.overwrite = v == valueAlways }},
		{"TransferMode", o.TransferMode, []string{valueChanged, valueAll}, func(v string) { out.all = v == valueAll }},
		{"PreserveDeletedFiles", o.PreserveDeletedFiles, []string{valuePreserve, valueRemove}, func(v string) { out.remove = v == valueRemove }},
		{"Atime", o.Atime, []string{valueBestEffort, valueNone}, func(v string) { out.preserve.atime = v != valueNone }},
		{"Mtime", o.Mtime, []string{valuePreserve, valueNone}, func(v string) { out.preserve.mtime = v != valueNone }},
		{"Uid", o.UID, []string{valueInt, valueNone}, func(v string) { out.preserve.uid = v != valueNone }},
		{"Gid", o.GID, []string{valueInt, valueNone}, func(v string) { out.preserve.gid = v != valueNone }},
		{"PosixPermissions", o.PosixPermissions, []string{valuePreserve, valueNone}, func(v string) { out.preserve.mode = v != valueNone }},
		{"ObjectTags", o.ObjectTags, []string{valuePreserve, valueNone}, func(v string) { out.tags = v != valueNone }},
	} {
		v, err := oneOf(c.name, c.value, c.allowed...)
		if err != nil {
			return out, err
		}
		c.set(v)
	}
	if out.all && out.remove {
		return out, invalid("Invalid SyncOption value. Option: TransferMode,PreserveDeletedFiles, Value: ALL,REMOVE.")
	}
	if o.Atime != "" && o.Mtime != "" && out.preserve.atime != out.preserve.mtime {
		return out, invalid("Invalid SyncOption value. Option: Atime,Mtime, Value: %s,%s.", o.Atime, o.Mtime)
	}
	out.preserve.atime = out.preserve.atime && out.preserve.mtime
	return out, nil
}

// chosen returns the number of files in flight.
func chosen(asked int, src, dst storage.Properties) int {
	switch {
	case asked > 0:
		return asked
	case src.POSIXMetadata && dst.POSIXMetadata:
		return max(4, 2*runtime.GOMAXPROCS(0))
	}
	return max(32, 4*runtime.GOMAXPROCS(0))
}
