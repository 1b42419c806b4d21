// Command intake is the Lambda function that accepts batches of queue messages.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

func main() {
	s, err := stack.Open(context.Background(), stack.Intake, os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hikyaku intake:", err)
		os.Exit(1)
	}
	lambda.Start(s.Intake().Handle)
}
