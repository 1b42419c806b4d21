package main

import (
	"fmt"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/hikyaku/hikyaku/engine"
)

// showProgress draws a run's progress on stderr until the returned function is called.
func showProgress(env environment, progress *engine.Progress) func() {
	p := mpb.New(mpb.WithOutput(env.stderr), mpb.WithWidth(40), mpb.WithRefreshRate(150*time.Millisecond))
	state := func(decor.Statistics) string {
		phase, c := progress.Snapshot()
		return fmt.Sprintf(env.t(" %s  %d/%d files, %d failed", " %s  %d/%d ファイル、失敗 %d"), phase, c.FilesTransferred, c.EstimatedFilesToTransfer,
			c.FailedPrepare+c.FailedTransfer+c.FailedVerify+c.FailedDelete)
	}
	bar := p.AddBar(0,
		mpb.PrependDecorators(decor.CountersKibiByte("% .1f / % .1f "), decor.AverageSpeed(decor.SizeB1024(0), "% .1f ")),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(state)))
	stopped, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		tick := time.NewTicker(150 * time.Millisecond)
		defer tick.Stop()
		for {
			_, c := progress.Snapshot()
			bar.SetTotal(max(c.EstimatedBytesToTransfer, c.BytesWritten)+1, false) // +1: never complete by itself
			bar.SetCurrent(c.BytesWritten)
			select {
			case <-tick.C:
			case <-stopped:
				bar.Abort(true)
				p.Wait()
				return
			}
		}
	}()
	return func() { close(stopped); <-finished }
}
