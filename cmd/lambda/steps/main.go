// Command steps is the Lambda function that the state machine calls where Step Functions drives transfers.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

func main() {
	s, err := stack.Open(context.Background(), stack.Steps, os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hikyaku steps:", err)
		os.Exit(1)
	}
	lambda.Start(s.Steps().Handle)
}
