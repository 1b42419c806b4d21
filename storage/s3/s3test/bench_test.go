package s3test_test

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

// fill stores n objects of size bytes through the driver, with 16 workers.
func fill(b *testing.B, d *s3.Driver, n int, size int64) {
	b.Helper()
	st, err := d.Stage(b.Context(), "fill")
	if err != nil {
		b.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), int(size/16))
	var next atomic.Int64
	each(b, 16, func() bool {
		i := next.Add(1) - 1
		if i >= int64(n) {
			return false
		}
		e := storage.Entry{Path: fmt.Sprintf("d%03d/file-%06d.dat", i/100, i), Size: size}
		f, err := st.Create(b.Context(), e)
		if err == nil {
			err = f.WritePart(b.Context(), 0, size, bytes.NewReader(content))
		}
		if err == nil {
			err = f.Finish(b.Context(), e, storage.Origin{}, storage.Sum{})
		}
		if err != nil {
			b.Error(err)
		}
		return err == nil
	})
}

// each runs work in n goroutines until it returns false.
func each(b *testing.B, n int, work func() bool) {
	b.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for work() {
			}
		})
	}
	wg.Wait()
}

func BenchmarkDriver_Open(b *testing.B) {
	const files, size = 2000, 16 << 10
	d := open(b, options(b))
	fill(b, d, files, size)
	var all []storage.Entry
	for e, err := range d.List(b.Context(), storage.List{}) {
		if err != nil {
			b.Fatal(err)
		}
		if e.Kind == storage.File {
			all = append(all, e)
		}
	}
	b.SetBytes(size)
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	each(b, 16, func() bool {
		i := next.Add(1) - 1
		if i >= int64(b.N) {
			return false
		}
		c, err := d.Open(b.Context(), all[i%files], 0, -1)
		if err != nil {
			b.Error(err)
			return false
		}
		if _, err := io.Copy(io.Discard, c.Body); err != nil {
			b.Error(err)
		}
		return c.Body.Close() == nil
	})
}

func BenchmarkDriver_Put(b *testing.B) {
	for _, size := range []int64{16 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := open(b, options(b))
			b.SetBytes(size)
			b.ReportAllocs()
			b.ResetTimer()
			fill(b, d, b.N, size)
		})
	}
}

func BenchmarkDriver_List(b *testing.B) {
	const files = 10_000
	d := open(b, options(b))
	fill(b, d, files, 16)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range d.List(b.Context(), storage.List{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n < files {
			b.Fatal(n)
		}
	}
}
