package console

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

const (
	// historyMinutes is how far back the charts go.
	historyMinutes = 24 * 60
	// historyWindow is how many of the newest transfers are counted for the time
	// before the console listened to the ledger.
	historyWindow = 2000
	// historyAge is how old the counts of a ledger without Subscriber may be.
	historyAge = 30 * time.Second
)

// history counts what ended, by minute, for a day. A ledger keeps no such
// counts: commits are counted as they come, and the time before from a bounded
// number of transfers.
type history struct {
	mu      sync.Mutex
	minutes [historyMinutes]minute
	since   time.Time // commits are counted from here on; zero: there are none
	read    time.Time // when the time before was counted
}

// minute is what ended in one minute.
type minute struct {
	at        int64 // Unix minutes
	good, bad int64
	bytes     int64
}

// observe counts a transfer that a commit changed, once.
func (h *history) observe(t hikyaku.Transfer) {
	if t.State.Ended() && t.UpdatedAt.Equal(t.EndedAt) && !t.EndedAt.Before(h.since) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.add(t)
	}
}

func (h *history) add(t hikyaku.Transfer) {
	at := t.EndedAt.Unix() / 60
	m := &h.minutes[at%historyMinutes]
	if at < m.at {
		return
	}
	if at > m.at {
		*m = minute{at: at}
	}
	switch t.State { //nolint:exhaustive // the others did not end, or by a person's wish
	case hikyaku.Succeeded:
		m.good++
	case hikyaku.Failed, hikyaku.Rejected:
		m.bad++
	}
	m.bytes += max(t.Bytes.Transferred, 0)
}

// fill counts what ended before commits were heard of: once, or again when
// none are.
func (h *history) fill(ctx context.Context, l hikyaku.Ledger, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.read.IsZero() && (!h.since.IsZero() || now.Sub(h.read) < historyAge) {
		return nil
	}
	if h.since.IsZero() {
		h.minutes = [historyMinutes]minute{}
	}
	q := hikyaku.Query{Since: now.Add(-historyMinutes * time.Minute), Limit: maxLimit}
	for seen := 0; seen < historyWindow; seen += maxLimit {
		p, err := l.Transfers(ctx, q)
		if err != nil {
			return fmt.Errorf("count what ended: %w", err)
		}
		for _, t := range p.Transfers {
			if t.State.Ended() && t.EndedAt.After(q.Since) && (h.since.IsZero() || t.EndedAt.Before(h.since)) {
				h.add(t)
			}
		}
		if q.Token = p.NextToken; q.Token == "" {
			break
		}
	}
	h.read = now
	return nil
}

// last returns the sums of the last n intervals of so many minutes.
func (h *history) last(now time.Time, n, minutes int) []minute {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := now.Unix()/60 + 1
	if minutes > 1 {
		end = (end + int64(minutes) - 1) / int64(minutes) * int64(minutes)
	}
	start := end - int64(n*minutes)
	out := make([]minute, n)
	for i := range out {
		out[i].at = start + int64(i*minutes)
		for j := range minutes {
			at := out[i].at + int64(j)
			if m := h.minutes[at%historyMinutes]; m.at == at {
				out[i].good += m.good
				out[i].bad += m.bad
				out[i].bytes += m.bytes
			}
		}
	}
	return out
}

// charts draws the last hour and the last day.
func (c *Console) charts(ctx context.Context, l Lang) ([]web.Chart, error) {
	now := c.now()
	if err := c.history.fill(ctx, c.ledger.Ledger, now); err != nil {
		return nil, err
	}
	hour := barChart("last_hour", c.history.last(now, 60, 1), l, "15:04")
	day := barChart("last_day", c.history.last(now, 48, 30), l, "15:04")
	return []web.Chart{hour, day}, nil
}

// barWidth and barGap are of a bar in units of the drawing.
const (
	barWidth = 8
	barGap   = 2
)

func barChart(title string, ms []minute, l Lang, layout string) web.Chart {
	var top, good, bad, bytes int64
	for _, m := range ms {
		top = max(top, m.good+m.bad)
		good, bad, bytes = good+m.good, bad+m.bad, bytes+m.bytes
	}
	c := web.Chart{
		Title: title, Width: len(ms) * (barWidth + barGap),
		Says: sprintf(web.Text(l, "chart_says"), numberText(good), numberText(bad), FormatBytes(bytes), numberText(top)),
	}
	clock := func(at int64) string { return time.Unix(at*60, 0).UTC().Format(layout) + " UTC" }
	for i, m := range ms {
		b := web.Bar{X: i * (barWidth + barGap), Width: barWidth, Text: sprintf(web.Text(l, "chart_bar"), clock(m.at), m.good, m.bad)}
		b.Good, b.Fail = barHeight(m.good, top), barHeight(m.bad, top)
		b.Good = min(b.Good, web.ChartHeight-b.Fail)
		b.GoodY = web.ChartHeight - b.Good
		b.FailedY = b.GoodY - b.Fail
		c.Bars = append(c.Bars, b)
	}
	if len(ms) > 0 {
		c.From, c.To = clock(ms[0].at), clock(ms[len(ms)-1].at)
	}
	return c
}

// barHeight is never nothing for something.
func barHeight(n, top int64) int {
	if n == 0 {
		return 0
	}
	return max(int(n*web.ChartHeight/top), 2)
}
