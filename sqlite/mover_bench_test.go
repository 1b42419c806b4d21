package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

// BenchmarkMover_Executions measures durable executions per second through
// eight tasks side by side, with an engine that does nothing.
func BenchmarkMover_Executions(b *testing.B) {
	store, err := sqlite.OpenMover(b.Context(), filepath.Join(b.TempDir(), "mover.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { // after the service was stopped
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	s := movertest.Start(b, mover.Config{Store: store})
	var tasks []string
	ended := map[string]chan struct{}{}
	for n := range 8 {
		var arns []string
		for _, side := range []string{"from", "to"} {
			arn, err := s.CreateLocationS3(b.Context(), mover.S3Input{BucketARN: fmt.Sprintf("arn:aws:s3:::%s-%d", side, n)})
			if err != nil {
				b.Fatal(err)
			}
			arns = append(arns, arn)
		}
		task, err := s.CreateTask(b.Context(), mover.CreateTaskInput{SourceARN: arns[0], DestinationARN: arns[1]})
		if err != nil {
			b.Fatal(err)
		}
		tasks, ended[task] = append(tasks, task), make(chan struct{}, 1)
	}
	events, _ := s.Subscribe(1 << 20)
	go func() {
		for e := range events {
			if e.Detail.State == "SUCCESS" {
				ended[mover.Execution{ARN: e.Resources[0]}.TaskARN()] <- struct{}{}
			}
		}
	}()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for _, task := range tasks {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				arn, err := s.StartTaskExecution(b.Context(), mover.StartInput{TaskARN: task})
				if err != nil {
					b.Error(err)
					return
				}
				<-ended[task]
				if _, err := s.DescribeTaskExecution(b.Context(), arn); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
}
