package datasync

import (
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// wrap makes err an *hikyaku.Error that names the operation and its subject.
func wrap(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	return &hikyaku.Error{Kind: kindOf(err), Op: op, Subject: subject, Err: err}
}

// refused reports whether the service answered InvalidRequestException.
func refused(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid)
}

// absent turns the refusal of a Describe into KindNotFound: an ARN that
// cannot be described does not exist.
func absent(err error) error {
	var e *hikyaku.Error
	if refused(err) && errors.As(err, &e) {
		e.Kind = hikyaku.KindNotFound
	}
	return err
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
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		return hikyaku.KindTransient
	}
	switch status := response.HTTPStatusCode(); {
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return hikyaku.KindDenied
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return hikyaku.KindTransient
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return hikyaku.KindInvalid
	}
	return hikyaku.KindTransient
}

// kindOfCode classifies the two modelled codes and those common to all
// services; "" is unknown.
func kindOfCode(code string) hikyaku.Kind {
	switch code {
	case "InvalidRequestException", "ValidationException", "ValidationError", "InvalidParameterValue",
		"InvalidParameterCombination", "MissingParameter", "MalformedQueryString", "InvalidAction",
		"UnknownOperationException", "SerializationException":
		return hikyaku.KindInvalid
	case "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId",
		"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired",
		"ExpiredToken", "ExpiredTokenException":
		return hikyaku.KindDenied
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "TooManyRequestsException",
		"RequestLimitExceeded", "InternalException", "InternalFailure", "InternalError", "ServiceUnavailable",
		"ServiceUnavailableException", "RequestExpired", "RequestTimeout":
		return hikyaku.KindTransient
	}
	return ""
}
