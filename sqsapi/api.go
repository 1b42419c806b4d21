// Package sqsapi speaks the SQS JSON protocol for a queue.Service. Names on
// the wire, error codes and their older query-protocol codes are Amazon's.
package sqsapi

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/queue"
)

// Service is the name in the credential scope of requests.
const Service = "sqs"

// maxBody holds a batch of 1 MiB whose characters are all escaped.
const maxBody = 8 << 20

// Options configures the endpoint.
type Options struct {
	// Queues, Verifier, Logger and Now are required.
	Queues   *queue.Service
	Verifier *awsjson.Verifier
	Logger   *slog.Logger
	Now      func() time.Time
	// BaseURL begins the queue URLs given out ("http://127.0.0.1:7701"); empty
	// means http:// and the Host header of the request.
	BaseURL string
	// AllowHost is awsjson.Options.AllowHost.
	AllowHost func(host string) bool
}

// api is the endpoint.
type api struct {
	queues *queue.Service
	base   string
}

// New returns the handler of the endpoint.
func New(opts Options) *awsjson.Server {
	a := &api{queues: opts.Queues, base: strings.TrimSuffix(opts.BaseURL, "/")}
	return awsjson.NewServer(awsjson.Options{
		Service: Service, TargetPrefix: "AmazonSQS", Version: "1.0", QueryErrors: true,
		Operations: a.operations(), Verifier: opts.Verifier, MapError: mapError,
		AllowHost: opts.AllowHost, MaxBody: maxBody, Logger: opts.Logger, Now: opts.Now,
	})
}

// operations is the table of what the endpoint can do, and who may.
func (a *api) operations() []awsjson.Operation {
	ops := []awsjson.Operation{}
	add := func(name string, handle func(context.Context, *awsjson.Request) (any, error), scopes ...awsjson.Scope) {
		ops = append(ops, awsjson.Operation{Name: name, Scopes: scopes, Handle: handle})
	}
	add("GetQueueUrl", handler(a.getQueueURL), awsjson.ScopeProducer, awsjson.ScopeViewer)
	add("GetQueueAttributes", handler(a.getQueueAttributes), awsjson.ScopeProducer, awsjson.ScopeViewer)
	add("SendMessage", handler(a.sendMessage), awsjson.ScopeProducer)
	add("SendMessageBatch", handler(a.sendMessageBatch), awsjson.ScopeProducer)

	add("ListQueues", handler(a.listQueues), awsjson.ScopeViewer)
	add("ListQueueTags", handler(a.listQueueTags), awsjson.ScopeViewer)
	add("ListDeadLetterSourceQueues", handler(a.listDeadLetterSourceQueues), awsjson.ScopeViewer)
	add("ListMessageMoveTasks", handler(a.listMessageMoveTasks), awsjson.ScopeViewer)

	add("ReceiveMessage", handler(a.receiveMessage), awsjson.ScopeOperator)
	add("DeleteMessage", handler(a.deleteMessage), awsjson.ScopeOperator)
	add("DeleteMessageBatch", handler(a.deleteMessageBatch), awsjson.ScopeOperator)
	add("ChangeMessageVisibility", handler(a.changeMessageVisibility), awsjson.ScopeOperator)
	add("ChangeMessageVisibilityBatch", handler(a.changeMessageVisibilityBatch), awsjson.ScopeOperator)
	add("PurgeQueue", handler(a.purgeQueue), awsjson.ScopeOperator)
	add("StartMessageMoveTask", handler(a.startMessageMoveTask), awsjson.ScopeOperator)
	add("CancelMessageMoveTask", handler(a.cancelMessageMoveTask), awsjson.ScopeOperator)

	add("CreateQueue", handler(a.createQueue), awsjson.ScopeAdmin)
	add("DeleteQueue", handler(a.deleteQueue), awsjson.ScopeAdmin)
	add("SetQueueAttributes", handler(a.setQueueAttributes), awsjson.ScopeAdmin)
	add("TagQueue", handler(a.tagQueue), awsjson.ScopeAdmin)
	add("UntagQueue", handler(a.untagQueue), awsjson.ScopeAdmin)
	add("AddPermission", unsupported, awsjson.ScopeAdmin)
	add("RemovePermission", unsupported, awsjson.ScopeAdmin)
	return ops
}

// handler decodes the input of an operation.
func handler[In, Out any](f func(context.Context, *awsjson.Request, *In) (*Out, error)) func(context.Context, *awsjson.Request) (any, error) {
	return func(ctx context.Context, r *awsjson.Request) (any, error) {
		var in In
		if err := r.Decode(&in); err != nil {
			return nil, err
		}
		out, err := f(ctx, r, &in)
		if err != nil || out == nil {
			return nil, err
		}
		return out, nil
	}
}

// none is the output of operations that return nothing.
type none struct{}

func unsupported(_ context.Context, r *awsjson.Request) (any, error) {
	return nil, &queue.Error{Code: queue.CodeUnsupportedOperation, Message: r.Operation + " is not supported by this endpoint: access is granted by the scopes of access keys."}
}

// queueURL is the URL of a queue as the caller can reach it.
func (a *api) queueURL(r *awsjson.Request, name string) string {
	base := a.base
	if base == "" {
		base = "http://" + r.Host
	}
	return base + "/" + a.queues.Account() + "/" + name
}

func (a *api) queueURLs(r *awsjson.Request, names []string) []string {
	urls := make([]string, len(names))
	for i, name := range names {
		urls[i] = a.queueURL(r, name)
	}
	return urls
}

// name returns the name of the queue that a URL means. The host does not
// matter: a caller may know this server by another name than it does itself.
func (a *api) name(queueURL string) (string, error) {
	if queueURL == "" {
		return "", &queue.Error{Code: queue.CodeMissingParameter, Message: "The request must contain the parameter QueueUrl."}
	}
	u, err := url.Parse(queueURL)
	if err != nil {
		return "", queue.NoQueue()
	}
	account, name, ok := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if !ok || account != a.queues.Account() || strings.Contains(name, "/") {
		return "", queue.NoQueue()
	}
	return name, nil
}

// token renders the name that a page ended with.
func token(names []string, more bool) string {
	if !more || len(names) == 0 {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(names[len(names)-1]))
}

// pageOf reads MaxResults and NextToken.
func pageOf(maxResults *int, nextToken string) (limit int, after string, err error) {
	limit = 1000
	if maxResults != nil {
		limit = *maxResults
	}
	if limit < 1 || limit > 1000 {
		return 0, "", &queue.Error{Code: queue.CodeInvalidParameterValue, Message: "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000."}
	}
	raw, err := base64.StdEncoding.DecodeString(nextToken)
	if err != nil {
		return 0, "", &queue.Error{Code: queue.CodeInvalidParameterValue, Message: "Invalid or expired next token."}
	}
	return limit, string(raw), nil
}

// mapError puts refusals of the queues into SQS's words.
func mapError(err error) *awsjson.Error {
	e, ok := errors.AsType[*queue.Error](err)
	if !ok {
		return nil
	}
	out := &awsjson.Error{Type: string(e.Code), Namespace: "com.amazonaws.sqs", QueryCode: queryCode(e.Code), Message: e.Message}
	switch e.Code { //nolint:exhaustive // the others are shapes of the model
	case queue.CodeInvalidParameterValue:
		out.Type, out.Namespace = "InvalidParameterValueException", "com.amazon.coral.service"
	case queue.CodeMissingParameter:
		out.Type, out.Namespace = "MissingRequiredParameterException", "com.amazon.coral.service"
	}
	return out
}

// queryCode is the code that the query protocol had for a failure, which SDKs
// still show.
func queryCode(c queue.Code) string {
	const prefix = "AWS.SimpleQueueService."
	switch c { //nolint:exhaustive // the others kept their name
	case queue.CodeQueueDoesNotExist:
		return prefix + "NonExistentQueue"
	case queue.CodeQueueNameExists:
		return "QueueAlreadyExists"
	case queue.CodeMessageNotInflight, queue.CodePurgeQueueInProgress, queue.CodeBatchEntryIDsNotDistinct, queue.CodeBatchRequestTooLong,
		queue.CodeEmptyBatchRequest, queue.CodeInvalidBatchEntryID, queue.CodeTooManyEntriesInBatchRequest, queue.CodeUnsupportedOperation:
		return prefix + string(c)
	}
	return string(c)
}
