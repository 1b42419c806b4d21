// Command agents is the Lambda function that watches the DataSync agents.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

func main() {
	s, err := stack.Open(context.Background(), stack.Agents, os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hikyaku agents:", err)
		os.Exit(1)
	}
	lambda.Start(s.Agents().Handle)
}
