package mover_test

import (
	"testing"

	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

// BenchmarkService_Execution measures what the mover adds to an engine that
// does nothing: start, run, end, one look at the result, in memory.
func BenchmarkService_Execution(b *testing.B) {
	ended := make(chan struct{}, 1)
	s := movertest.Start(b, mover.Config{})
	events, _ := s.Subscribe(1 << 16)
	go func() {
		for e := range events {
			if e.Detail.State == "SUCCESS" {
				ended <- struct{}{}
			}
		}
	}()
	task := benchTask(b, s)
	for b.Loop() {
		arn, err := s.StartTaskExecution(b.Context(), mover.StartInput{TaskARN: task})
		if err != nil {
			b.Fatal(err)
		}
		<-ended
		if _, err := s.DescribeTaskExecution(b.Context(), arn); err != nil {
			b.Fatal(err)
		}
	}
}

func benchTask(b *testing.B, s *mover.Service) string {
	b.Helper()
	from, err := s.CreateLocationS3(b.Context(), mover.S3Input{BucketARN: "arn:aws:s3:::from"})
	if err != nil {
		b.Fatal(err)
	}
	to, err := s.CreateLocationS3(b.Context(), mover.S3Input{BucketARN: "arn:aws:s3:::to"})
	if err != nil {
		b.Fatal(err)
	}
	task, err := s.CreateTask(b.Context(), mover.CreateTaskInput{SourceARN: from, DestinationARN: to})
	if err != nil {
		b.Fatal(err)
	}
	return task
}
