package storagetest_test

import (
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

func TestMemory_Conformance(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]storagetest.MemoryOptions{
		"files":            {},
		"files in parts":   {PartSize: 256 << 10},
		"case insensitive": {CaseInsensitive: true},
		"objects":          {Objects: true, PartSize: 256 << 10, VisibleAtFinish: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storagetest.Run(t, storagetest.Harness{
				Open: func(t *testing.T) storage.Driver {
					t.Helper()
					return storagetest.NewMemory(opts)
				},
				Again: func(t *testing.T, d storage.Driver) storage.Driver {
					t.Helper()
					return d // what the store holds is nowhere else
				},
				Leftovers: func(t *testing.T, d storage.Driver) []string {
					t.Helper()
					m, ok := d.(*storagetest.Memory)
					if !ok {
						t.Fatalf("not a Memory: %T", d)
					}
					return m.Leftovers()
				},
			})
		})
	}
}
