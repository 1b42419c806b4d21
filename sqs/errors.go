package sqs

import (
	"errors"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// wrap makes err an *hikyaku.Error that names the operation and the queue.
// It returns nil for nil.
func wrap(op, queue string, err error) error {
	if err == nil {
		return nil
	}
	return &hikyaku.Error{Kind: kindOf(err), Op: op, Subject: queue, Err: err}
}

// kindOf classifies what the SDK returned by error code, then by HTTP status.
// What has neither is a network failure: transient.
func kindOf(err error) hikyaku.Kind {
	if own, ok := errors.AsType[*hikyaku.Error](err); ok {
		return own.Kind
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if kind := kindOfCode(api.ErrorCode()); kind != "" {
			return kind
		}
	}
	if _, ok := errors.AsType[*smithy.InvalidParamsError](err); ok {
		return hikyaku.KindInvalid
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return kindOfStatus(response.HTTPStatusCode())
	}
	return hikyaku.KindTransient
}

// kindOfCode classifies an SQS error code; "" is unknown. The older query
// protocol's codes carry a prefix and other names for the same errors.
func kindOfCode(code string) hikyaku.Kind {
	switch strings.TrimPrefix(code, "AWS.SimpleQueueService.") {
	case "QueueDoesNotExist", "NonExistentQueue", "ResourceNotFoundException", "KMS.NotFoundException", "KmsNotFound":
		return hikyaku.KindNotFound
	case "AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken",
		"InvalidSecurity", "OptInRequired", "NotAuthorized", "ExpiredToken", "ExpiredTokenException", "KmsAccessDenied",
		"KMS.AccessDeniedException", "KmsDisabled", "KMS.DisabledException", "KmsOptInRequired", "KMS.OptInRequired":
		return hikyaku.KindDenied
	case "RequestThrottled", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException",
		"RequestLimitExceeded", "OverLimit", "KmsThrottled", "KMS.ThrottlingException", "InternalFailure", "InternalError",
		"InternalServerError", "ServiceUnavailable", "QueueDeletedRecently", "RequestTimeout", "RequestExpired":
		return hikyaku.KindTransient
	case "ReceiptHandleIsInvalid", "InvalidParameterValue", "InvalidMessageContents", "InvalidAttributeName",
		"InvalidAttributeValue", "UnsupportedOperation", "QueueNameExists", "InvalidAddress", "BatchRequestTooLong",
		"MissingParameter", "InvalidIdFormat", "ValidationError", "InvalidAction":
		return hikyaku.KindInvalid
	}
	return ""
}

// kindOfStatus classifies a reply whose code is unknown.
func kindOfStatus(status int) hikyaku.Kind {
	switch {
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return hikyaku.KindDenied
	case status == http.StatusNotFound:
		return hikyaku.KindNotFound
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		return hikyaku.KindTransient
	case status >= http.StatusBadRequest:
		return hikyaku.KindInvalid
	}
	return hikyaku.KindTransient
}
