//go:build !linux && !darwin

package local

import (
	"os"

	"github.com/hikyaku/hikyaku/storage"
)

const readFlags = os.O_RDONLY

func isLoop(error) bool { return false }

// writeOrigin cannot store anything with a file here.
func writeOrigin(*os.File, record) (ok bool, err error) { return false, nil }

// readOrigin fills now with the file's state; the record is in the index.
func readOrigin(f *folder, name string, now *storage.Entry) (rec record, found bool, err error) {
	return record{}, false, f.stat(name, now, nil)
}
