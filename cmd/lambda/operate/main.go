// Command operate is the Lambda function that carries out operators' commands.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

func main() {
	s, err := stack.Open(context.Background(), stack.Operate, os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hikyaku operate:", err)
		os.Exit(1)
	}
	lambda.Start(s.Operate().Handle)
}
