// Command refresh is the Lambda function that follows executions, on DataSync's events and on a schedule.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

func main() {
	s, err := stack.Open(context.Background(), stack.Refresh, os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hikyaku refresh:", err)
		os.Exit(1)
	}
	lambda.Start(s.Refresh().Handle)
}
