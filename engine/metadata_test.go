package engine_test

import (
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
)

func fileProps() storage.Properties {
	return storage.Properties{POSIXMetadata: true, Directories: true}
}

func objectProps() storage.Properties { return storage.Properties{UserMetadata: true} }

func everything() engine.Preserve {
	return engine.Preserve{Mtime: true, Atime: true, UID: true, GID: true, Mode: true}
}

func TestDelivered_WritesPOSIXAsUserMetadata(t *testing.T) {
	t.Parallel()
	e := storage.Entry{
		Path: "a", ModTime: time.Unix(1_602_647_222, 222_919_600),
		POSIX: &storage.POSIX{UID: 0, GID: 100, Mode: 0o4755, Atime: time.Unix(1, 2)},
	}
	want := map[string]string{
		"user-agent": "aws-datasync", "file-owner": "0", "file-group": "100", "file-permissions": "0104755",
		"file-mtime": "1602647222222919600ns", "file-atime": "1000000002ns",
	}
	if got := engine.Delivered(e, everything(), fileProps(), objectProps()).Object.User; !maps.Equal(got, want) {
		t.Errorf("file: got %q, want %q", got, want)
	}
	e.Path, e.Kind = "d/", storage.Dir
	if got := engine.Delivered(e, everything(), fileProps(), objectProps()).Object.User["file-permissions"]; got != "044755" {
		t.Errorf("directory: permissions %q", got)
	}
	want = map[string]string{"user-agent": "aws-datasync"}
	if got := engine.Delivered(e, engine.Preserve{}, fileProps(), objectProps()).Object.User; !maps.Equal(got, want) {
		t.Errorf("nothing preserved: got %q, want %q", got, want)
	}
}

func TestDelivered_RestoresPOSIX(t *testing.T) {
	t.Parallel()
	modified := time.Unix(1_700_000_000, 0)
	for name, tt := range map[string]struct {
		user  map[string]string
		mtime time.Time
		posix storage.POSIX
	}{
		"none":             {nil, modified, storage.POSIX{UID: 65534, GID: 65534, Mode: 0o755}},
		"datasync":         {map[string]string{"file-permissions": "100644", "file-owner": "5", "file-group": "6", "file-mtime": "1602647222/222919600"}, time.Unix(1602647222, 222919600), storage.POSIX{UID: 5, GID: 6, Mode: 0o644}},
		"milliseconds":     {map[string]string{"file-mtime": "1734968895000"}, time.Unix(1734968895, 0), storage.POSIX{UID: 65534, GID: 65534, Mode: 0o755}},
		"nanoseconds":      {map[string]string{"file-permissions": "0100600", "file-mtime": "1734968895000000001ns"}, time.Unix(1734968895, 1), storage.POSIX{UID: 65534, GID: 65534, Mode: 0o600}},
		"not understood":   {map[string]string{"file-permissions": "rwx", "file-owner": "-1", "file-group": "x", "file-mtime": "soon"}, modified, storage.POSIX{UID: 65534, GID: 65534, Mode: 0o755}},
		"out of range":     {map[string]string{"file-permissions": "7777777", "file-owner": "4294967296", "file-mtime": "1/1000000000"}, modified, storage.POSIX{UID: 65534, GID: 65534, Mode: 0o755}},
		"too far in years": {map[string]string{"file-mtime": "9223372036854775807"}, modified, storage.POSIX{UID: 65534, GID: 65534, Mode: 0o755}},
	} {
		e := storage.Entry{Path: "a", ModTime: modified, Object: &storage.Object{User: tt.user}}
		got := engine.Delivered(e, everything(), objectProps(), fileProps())
		if !got.ModTime.Equal(tt.mtime) || got.POSIX == nil || *got.POSIX != tt.posix {
			t.Errorf("%s: got %v %+v, want %v %+v", name, got.ModTime, got.POSIX, tt.mtime, tt.posix)
		}
		if got := engine.Delivered(e, engine.Preserve{}, objectProps(), fileProps()); !got.ModTime.IsZero() || got.POSIX != nil {
			t.Errorf("%s, nothing preserved: %+v", name, got)
		}
	}
}

func TestDelivered_SurvivesTheWayThroughObjects(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := storage.Entry{
			Path: "a", ModTime: time.Unix(0, rapid.Int64Range(-1<<62, 1<<62).Draw(rt, "mtime")),
			POSIX: &storage.POSIX{
				UID: rapid.IntRange(0, 1<<31).Draw(rt, "uid"), GID: rapid.IntRange(0, 1<<31).Draw(rt, "gid"),
				Mode: rapid.Uint32Range(0, 0o7777).Draw(rt, "mode"), Atime: time.Unix(0, rapid.Int64().Draw(rt, "atime")),
			},
		}
		object := engine.Delivered(e, everything(), fileProps(), objectProps())
		back := engine.Delivered(object, everything(), objectProps(), fileProps())
		if !back.ModTime.Equal(e.ModTime) || back.POSIX.UID != e.POSIX.UID || back.POSIX.GID != e.POSIX.GID || back.POSIX.Mode != e.POSIX.Mode {
			rt.Fatalf("%v %+v came back as %v %+v", e.ModTime, e.POSIX, back.ModTime, back.POSIX)
		}
	})
}

func TestDelivered_KeepsObjectMetadata(t *testing.T) {
	t.Parallel()
	e := storage.Entry{Path: "a", Object: &storage.Object{ContentType: "text/plain", User: map[string]string{"k": "v"}, StorageClass: "STANDARD_IA"}}
	got := engine.Delivered(e, everything(), objectProps(), objectProps()).Object
	if got.ContentType != "text/plain" || got.User["k"] != "v" || got.StorageClass != "" || len(got.User) != 1 {
		t.Errorf("got %+v", got)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add("1602647222/222919600", "100755", "0", "0")
	f.Add("1602647222222919600ns", "0100644", "4294967295", "1")
	f.Add("1734968895000", "0", "", "x")
	f.Add("-1/5", "07", "+1", " 1")
	f.Fuzz(func(t *testing.T, mtime, mode, uid, gid string) {
		modified := time.Unix(1_700_000_000, 0)
		e := storage.Entry{Path: "a", ModTime: modified, Object: &storage.Object{User: map[string]string{
			"file-mtime": mtime, "file-permissions": mode, "file-owner": uid, "file-group": gid,
		}}}
		got := engine.Delivered(e, everything(), objectProps(), fileProps())
		if got.POSIX.Mode > 0o7777 || got.POSIX.UID < 0 || got.POSIX.GID < 0 {
			t.Fatalf("restored %+v", got.POSIX)
		}
		again := engine.Delivered(engine.Delivered(got, everything(), fileProps(), objectProps()), everything(), objectProps(), fileProps())
		if !again.ModTime.Equal(got.ModTime) && !again.ModTime.IsZero() || *again.POSIX != *got.POSIX {
			t.Fatalf("%v %+v came back as %v %+v", got.ModTime, got.POSIX, again.ModTime, again.POSIX)
		}
	})
}
