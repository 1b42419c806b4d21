package engine_test

import (
	"context"
	"iter"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// disordered lists backwards.
type disordered struct{ *storagetest.Memory }

func (d disordered) List(ctx context.Context, q storage.List) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		var all []storage.Entry
		for e := range d.Memory.List(ctx, q) {
			all = append(all, e)
		}
		for i := len(all) - 1; i >= 0; i-- {
			if !yield(all[i], nil) {
				return
			}
		}
	}
}
