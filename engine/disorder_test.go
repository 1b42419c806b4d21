package engine_test

import (
	"context"
	"iter"
	"slices"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// disordered lists backwards.
type disordered struct{ *storagetest.Memory }

func (d disordered) List(ctx context.Context, q storage.List) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		var all []storage.Entry
		for e, err := range d.Memory.List(ctx, q) {
			if err != nil {
				yield(e, err)
				return
			}
			all = append(all, e)
		}
		for _, e := range slices.Backward(all) {
			if !yield(e, nil) {
				return
			}
		}
	}
}
