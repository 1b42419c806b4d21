package datasyncapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

// signed returns a signed request for an operation.
func signed(ctx context.Context, tb testing.TB, url, operation, body string) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/", strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "FmrsService."+operation)
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := v4.NewSigner().SignHTTP(ctx, key, r, hex.EncodeToString(sum[:]), "datasync", "us-east-1", time.Now()); err != nil {
		tb.Fatal(err)
	}
	return r
}

// post sends a body as it is.
func post(tb testing.TB, url, operation, body string) (int, string) {
	tb.Helper()
	reply, err := http.DefaultClient.Do(signed(tb.Context(), tb, url, operation, body))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

func TestServer_Wire(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	url := serve(t, s)
	arn := task(t, client(t, s))
	for _, c := range []struct {
		name, operation, body string
		status                int
		has, lacks            []string
	}{
		{"absent members are omitted", "DescribeTask", `{"TaskArn":"` + arn + `"}`, 200, []string{`"BytesPerSecond":-1`, `"CreationTime":1`}, []string{"null", "Excludes", "Schedule", "CurrentTask", "ErrorCode"}},
		{"updates answer an empty object", "UpdateTask", `{"TaskArn":"` + arn + `","Name":"x"}`, 200, []string{`{}`}, nil},
		{"nulls are absent", "UpdateTask", `{"TaskArn":"` + arn + `","Name":null,"Options":null,"Includes":null,"Schedule":null}`, 200, []string{`{}`}, nil},
		{"empty lists are sent", "ListTaskExecutions", `{}`, 200, []string{`"TaskExecutions":[]`}, []string{"NextToken"}},
		{"error body", "DescribeTask", `{"TaskArn":"` + arn[:len(arn)-1] + `g"}`, 400, []string{`"message":"`, `"errorCode":"InvalidParameter"`, `"datasyncErrorCode":"`}, nil},
		{"wrong type", "DescribeTask", `{"TaskArn":5}`, 400, []string{"SerializationException"}, nil},
		{"not json", "DescribeTask", `{`, 400, []string{"SerializationException"}, nil},
		{"manifest", "StartTaskExecution", `{"TaskArn":"` + arn + `","ManifestConfig":{"Action":"TRANSFER"}}`, 400, []string{"ManifestConfig is not supported"}, nil},
		{"blank manifest", "UpdateTask", `{"TaskArn":"` + arn + `","ManifestConfig":{}}`, 200, nil, nil},
		{"manifest of a wrong type", "UpdateTask", `{"TaskArn":"` + arn + `","ManifestConfig":[]}`, 400, []string{"ManifestConfig"}, nil},
		{"discovery is gone", "AddStorageSystem", `{}`, 400, []string{"UnknownOperationException"}, nil},
	} {
		status, body := post(t, url, c.operation, c.body)
		if status != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.name, status, c.status, body)
		}
		for _, want := range c.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %s lacks %s", c.name, body, want)
			}
		}
		for _, unwanted := range c.lacks {
			if strings.Contains(body, unwanted) {
				t.Errorf("%s: %s holds %s", c.name, body, unwanted)
			}
		}
	}
	_, untouched := post(t, url, "DescribeTask", `{"TaskArn":"`+arn+`"}`)
	if !strings.Contains(untouched, `"Name":"x"`) {
		t.Errorf("null changed the task: %s", untouched)
	}
}

func TestServer_InternalError(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	url := serve(t, s)
	stopped := context.WithoutCancel(t.Context())
	if err := s.Stop(stopped); err != nil {
		t.Fatal(err)
	}
	status, body := post(t, url, "ListTasks", `{}`)
	if status != 500 || !strings.Contains(body, `"__type":"InternalException"`) || !strings.Contains(body, `"errorCode":`) {
		t.Errorf("reply = %d %s", status, body)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"TaskArn":"arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0"}`,
		`{"SourceLocationArn":"x","DestinationLocationArn":"y","Options":{"BytesPerSecond":-9223372036854775808,"Uid":"BOTH"}}`,
		`{"Includes":[{"FilterType":"SIMPLE_PATTERN","Value":"/a\\|b*"}],"Excludes":[{}],"Schedule":{"ScheduleExpression":0}}`,
		`{"S3BucketArn":"arn:aws:s3:::b","S3Config":{"BucketAccessRoleArn":"arn:aws:iam::123456789012:role/r"},"Subdirectory":"/../"}`,
		`{"ServerHostname":"0xa9fea9fe","BucketName":"bkt","ServerCertificate":"AAAA","SecretKey":"s","AccessKey":"a"}`,
		`{"Filters":[{"Name":"CreationTime","Operator":"In","Values":["x"]}],"MaxResults":101,"NextToken":"AA=="}`,
		`{"ResourceArn":"x","Tags":[{"Key":"k"},{"Key":"k"}]}`, `[]`, `null`, "{\"TaskArn\":\"\xff\"}",
	} {
		for n := range 8 {
			f.Add(n, seed)
		}
	}
	operations := []string{
		"CreateLocationS3", "CreateLocationObjectStorage", "CreateTask", "UpdateTask", "StartTaskExecution", "ListTasks", "ListLocations", "TagResource",
	}
	url := serve(f, movertest.Start(f, mover.Config{}))
	f.Fuzz(func(t *testing.T, n int, body string) {
		operation := operations[uint(n)%uint(len(operations))]
		status, reply := post(t, url, operation, body)
		if status != 200 && status != 400 && status != 413 || strings.Contains(reply, "hunter2") {
			t.Errorf("%s %s = %d %s", operation, body, status, reply)
		}
	})
}
