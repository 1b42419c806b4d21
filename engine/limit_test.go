package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/engine"
)

func TestLimit_HoldsTheRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate        int64
		files, size int
	}{
		{50, 3, 100}, {1000, 1, 5000}, {100_000, 20, 25_000}, {10_000_000, 7, 8_000_000},
	} {
		t.Run(fmt.Sprint(tt.rate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, files(), files())
				for i := range tt.files {
					put(b.src, map[string]string{fmt.Sprint("f", i): strings.Repeat("x", tt.size)})
				}
				b.job.Limit = engine.NewLimit(tt.rate)
				start := clock()
				b.run()
				want := time.Duration(float64(tt.files*tt.size) / float64(tt.rate) * float64(time.Second))
				if got := time.Since(start); got < want*9/10 || got > want*11/10 {
					t.Errorf("took %v, want %v", got, want)
				}
			})
		})
	}
}

func TestLimit_SetTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, files(), files())
		put(b.src, map[string]string{"a": strings.Repeat("x", 100_000)})
		limit := engine.NewLimit(1)
		b.job.Limit = limit
		start := clock()
		time.AfterFunc(10*time.Second, func() { limit.Set(10_000) })
		time.AfterFunc(15*time.Second, func() { limit.Set(0) })
		b.run()
		if got := time.Since(start); got < 14*time.Second || got > 16*time.Second {
			t.Errorf("took %v, want 15s", got)
		}
		if d := b.files[0].Duration; d < 14*time.Second {
			t.Errorf("file took %v", d)
		}
	})
}
