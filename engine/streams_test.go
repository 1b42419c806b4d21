package engine_test

import (
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/engine"
)

// TestStreams_Widen plays parts of 32 MiB over a link: as many as may be in
// flight run side by side, and a round takes what the link makes of them.
func TestStreams_Widen(t *testing.T) {
	t.Parallel()
	const part = 32 << 20
	for name, tc := range map[string]struct {
		// rate is the whole's bytes per second with n streams.
		rate func(n int) float64
		want int
	}{
		"delay is the limit":          {func(n int) float64 { return 50e6 * float64(n) }, 16},
		"processors are the limit":    {func(int) float64 { return 1e9 }, 4},
		"more streams are slower":     {func(n int) float64 { return 1e9 / float64(n) }, 4},
		"the link is full with eight": {func(n int) float64 { return 50e6 * float64(min(n, 8)) }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := engine.NewStreams(4, 16)
			now := time.Unix(1000, 0)
			for range 40 {
				n := 0
				for s.TryTake() {
					n++
				}
				began := now
				now = now.Add(time.Duration(float64(n) * part / tc.rate(n) * float64(time.Second)))
				for range n {
					s.Release(began, now, part)
				}
			}
			got := 0
			for s.TryTake() {
				got++
			}
			if got != tc.want {
				t.Fatalf("%d streams, want %d", got, tc.want)
			}
		})
	}
}
