package sqsapi

import (
	"context"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/queue"
)

type startMessageMoveTaskInput struct {
	SourceARN                    string `json:"SourceArn"`
	DestinationARN               string `json:"DestinationArn"`
	MaxNumberOfMessagesPerSecond *int
}

type startMessageMoveTaskOutput struct{ TaskHandle string }

func (a *api) startMessageMoveTask(ctx context.Context, _ *awsjson.Request, in *startMessageMoveTaskInput) (*startMessageMoveTaskOutput, error) {
	task, err := a.queues.StartMove(ctx, in.SourceARN, in.DestinationARN, in.MaxNumberOfMessagesPerSecond)
	if err != nil {
		return nil, err
	}
	return &startMessageMoveTaskOutput{TaskHandle: a.queues.MoveHandle(task)}, nil
}

type listMessageMoveTasksInput struct {
	SourceARN  string `json:"SourceArn"`
	MaxResults *int
}

type listMessageMoveTasksOutput struct{ Results []moveTask }

type moveTask struct {
	TaskHandle                        string
	Status                            string
	SourceARN                         string `json:"SourceArn"`
	DestinationARN                    string `json:"DestinationArn"`
	MaxNumberOfMessagesPerSecond      *int
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove *int
	FailureReason                     string
	StartedTimestamp                  int64
}

func (a *api) listMessageMoveTasks(_ context.Context, _ *awsjson.Request, in *listMessageMoveTasksInput) (*listMessageMoveTasksOutput, error) {
	tasks, err := a.queues.ListMoves(in.SourceARN, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &listMessageMoveTasksOutput{Results: []moveTask{}}
	for _, t := range tasks {
		w := moveTask{
			Status: string(t.Status), SourceARN: a.queues.ARN(t.Source), ApproximateNumberOfMessagesMoved: t.Moved,
			ApproximateNumberOfMessagesToMove: &t.ToMove, FailureReason: t.FailureReason, StartedTimestamp: t.StartedAt.UnixMilli(),
		}
		if t.Status == queue.MoveRunning { // only then it is good for anything
			w.TaskHandle = a.queues.MoveHandle(t)
		}
		if t.Destination != "" {
			w.DestinationARN = a.queues.ARN(t.Destination)
		}
		if t.PerSecond > 0 {
			w.MaxNumberOfMessagesPerSecond = &t.PerSecond
		}
		out.Results = append(out.Results, w)
	}
	return out, nil
}

type cancelMessageMoveTaskInput struct{ TaskHandle string }

type cancelMessageMoveTaskOutput struct {
	ApproximateNumberOfMessagesMoved int
}

func (a *api) cancelMessageMoveTask(ctx context.Context, _ *awsjson.Request, in *cancelMessageMoveTaskInput) (*cancelMessageMoveTaskOutput, error) {
	task, err := a.queues.CancelMove(ctx, in.TaskHandle)
	if err != nil {
		return nil, err
	}
	return &cancelMessageMoveTaskOutput{ApproximateNumberOfMessagesMoved: task.Moved}, nil
}
