package hikyaku

import "time"

// Delay returns how long to wait before attempt n+1 after n failed ones, with
// full jitter: evenly between 0 and min(Max, First·2^(n-1)). random returns a
// number in [0, 1).
func (r Retry) Delay(n int, random func() float64) time.Duration {
	ceiling := r.First
	for i := 1; i < n && ceiling < r.Max; i++ {
		ceiling *= 2
	}
	ceiling = min(ceiling, r.Max)
	return time.Duration(random() * float64(ceiling))
}
