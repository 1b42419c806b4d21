package dispatch

import (
	"time"

	"github.com/hikyaku/hikyaku"
)

// progressOf translates DataSync's counters. Totals stay at what was found at
// the source until DataSync has an estimate of its own.
func progressOf(t hikyaku.Transfer, x hikyaku.Execution, now time.Time) hikyaku.Progress {
	p := hikyaku.Progress{
		Files: hikyaku.Files{
			Total: x.EstimatedFiles, Transferred: x.FilesTransferred, Verified: x.FilesVerified,
			Skipped: x.FilesSkipped, Failed: x.FilesFailed,
		},
		Bytes:     hikyaku.Bytes{Total: x.EstimatedBytes, Transferred: x.BytesTransferred, Written: x.BytesWritten},
		Durations: t.Durations,
		Rate:      t.Rate,
	}
	if x.EstimatedFiles == 0 {
		p.Files.Total, p.Bytes.Total = t.Found.Objects, t.Found.Bytes
	}
	p.Durations.Preparing = x.Prepare.Milliseconds()
	p.Durations.Transferring = x.Transfer.Milliseconds()
	p.Durations.Verifying = x.Verify.Milliseconds()
	if x.Ended() {
		p.Durations.Launching = max(0, now.Sub(t.StartedAt).Milliseconds()-x.TotalTime.Milliseconds())
		if !x.LaunchTime.IsZero() && !x.StartTime.IsZero() {
			p.Durations.Launching = max(0, x.LaunchTime.Sub(x.StartTime).Milliseconds())
		}
		p.Rate, p.ETA = rate(x.BytesTransferred, x.Transfer), 0
		return p
	}
	if moved, took := x.BytesTransferred-t.Bytes.Transferred, now.Sub(t.ProgressAt); moved > 0 && took > 0 {
		p.Rate = rate(moved, took)
	}
	if left := p.Bytes.Total - p.Bytes.Transferred; left > 0 && p.Rate > 0 {
		p.ETA = left / p.Rate
	}
	return p
}

// rate is bytes per second; 0 when the time is not known.
func rate(bytes int64, took time.Duration) int64 {
	if took < time.Millisecond {
		return 0
	}
	return int64(float64(bytes) / took.Seconds())
}

// progressKept is the progress as the record has it, for an attempt whose
// execution cannot be asked any more.
func progressKept(t hikyaku.Transfer) hikyaku.Progress {
	return hikyaku.Progress{Files: t.Files, Bytes: t.Bytes, Durations: t.Durations, Rate: t.Rate}
}
