// Command probe is a function that does what its records' bodies say.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if os.Getenv("PROBE_INIT") == "exit" {
		os.Exit(3)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e events.SQSEvent) (any, error) {
	response := events.SQSEventResponse{}
	for _, r := range e.Records {
		switch r.Body {
		case "bad":
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
		case "unknown":
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: "nobody"})
		case "error":
			return nil, errors.New("no")
		case "panic":
			panic("boom")
		case "exit":
			os.Exit(4)
		case "hang":
			time.Sleep(time.Hour)
		case "deadline":
			d, _ := ctx.Deadline()
			fmt.Printf("left %d\n", time.Until(d).Milliseconds())
		}
	}
	return response, nil
}
