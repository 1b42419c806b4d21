package stack

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// parameters is SSM's parameter store.
type parameters struct{ client *ssm.Client }

// Get implements lambda.Parameters.
func (p *parameters) Get(ctx context.Context, name string) (string, int64, error) {
	out, err := p.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return "", 0, parameterError("read parameter", name, err)
	}
	return aws.ToString(out.Parameter.Value), out.Parameter.Version, nil
}

// Put implements lambda.Parameters.
func (p *parameters) Put(ctx context.Context, name, value string) (int64, error) {
	out, err := p.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	if err != nil {
		return 0, parameterError("write parameter", name, err)
	}
	return out.Version, nil
}

// Under implements lambda.Parameters.
func (p *parameters) Under(ctx context.Context, path string) (map[string]string, error) {
	values := map[string]string{}
	pages := ssm.NewGetParametersByPathPaginator(p.client, &ssm.GetParametersByPathInput{Path: &path, Recursive: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, parameterError("read parameters under", path, err)
		}
		for _, v := range page.Parameters {
			values[aws.ToString(v.Name)] = aws.ToString(v.Value)
		}
	}
	return values, nil
}

// secret returns a function that reads a SecureString once it is needed, and
// then has it.
func (p *parameters) secret(name string) func(ctx context.Context) ([]byte, error) {
	got := make(chan []byte, 1)
	return func(ctx context.Context) ([]byte, error) {
		select {
		case value := <-got:
			got <- value
			return value, nil
		default:
		}
		out, err := p.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		if err != nil {
			return nil, parameterError("read secret", name, err)
		}
		value := []byte(aws.ToString(out.Parameter.Value))
		select {
		case got <- value:
		default: // another call read it meanwhile
		}
		return value, nil
	}
}

// parameterError puts an SSM error into hikyaku's words, by its code.
func parameterError(op, name string, err error) error {
	e := &hikyaku.Error{Kind: hikyaku.KindTransient, Op: op, Subject: name, Err: err}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "ParameterNotFound", "ParameterVersionNotFound":
			e.Kind = hikyaku.KindNotFound
		case "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException":
			e.Kind = hikyaku.KindDenied
		case "ValidationException", "ParameterPatternMismatchException":
			e.Kind = hikyaku.KindInvalid
		}
	}
	return e
}
