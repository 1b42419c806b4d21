package stack

import (
	"context"
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// wrap puts what AWS said to a call into hikyaku's words. The call is named
// as IAM does. It returns nil for nil, and an error that has a code as it is.
func wrap(call, subject string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || hikyaku.CodeOf(err) != "" {
		return err
	}
	if own, ok := errors.AsType[*hikyaku.Error](err); ok && own.Kind == hikyaku.KindInvalid {
		return err
	}
	e := &hikyaku.Error{Op: call, Subject: subject, Err: err}
	e.Kind, e.Code = verdict(err)
	return e
}

// codeOf is the code of AWS's answer, "" when there was none.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// verdict finds kind and catalogue code by AWS's code, else by the HTTP
// status; what has neither never reached AWS.
func verdict(err error) (hikyaku.Kind, string) {
	switch codeOf(err) {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
		"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken", "AuthFailure":
		return hikyaku.KindDenied, hikyaku.CodeNoCredentials
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized", "OptInRequired", "KMSAccessDeniedException":
		return hikyaku.KindDenied, hikyaku.CodeCallDenied
	}
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok || response.HTTPStatusCode() < http.StatusContinue { // none came
		return hikyaku.KindTransient, hikyaku.CodeAWSUnreachable
	}
	switch status := response.HTTPStatusCode(); {
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return hikyaku.KindDenied, hikyaku.CodeCallDenied
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError, isThrottle(codeOf(err)):
		return hikyaku.KindTransient, hikyaku.CodeAWSUnreachable
	case status == http.StatusNotFound, absent(codeOf(err)):
		return hikyaku.KindNotFound, ""
	}
	return hikyaku.KindInvalid, ""
}

func isThrottle(code string) bool {
	switch code {
	case "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
		"ProvisionedThroughputExceededException", "RequestThrottled":
		return true
	}
	return false
}

// absent tells the codes of what is not there.
func absent(code string) bool {
	switch code {
	case "ResourceNotFoundException", "ParameterNotFound", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NotFound", "NoSuchBucket":
		return true
	}
	return false
}
