package source

import (
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// wrap makes err an *hikyaku.Error that names the operation and its subject.
func wrap(op, subject string, err error) error {
	return &hikyaku.Error{Kind: kindOf(err), Op: op, Subject: subject, Err: err}
}

// kindOf classifies what the SDK returned by error code, then by HTTP status.
// What has neither is a network failure: transient.
func kindOf(err error) hikyaku.Kind {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "NoSuchBucket":
			return hikyaku.KindNotFound
		case "AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidAccessKeyId", "SignatureDoesNotMatch",
			"ExpiredToken", "InvalidToken", "InvalidSecurity", "NotSignedUp", "AccessPointNotOwnedByYou":
			return hikyaku.KindDenied
		case "SlowDown", "ServiceUnavailable", "InternalError", "OperationAborted", "RequestTimeout", "RequestTimeTooSkewed",
			"Throttling", "ThrottlingException", "TooManyRequests", "RequestLimitExceeded", "BandwidthLimitExceeded":
			return hikyaku.KindTransient
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
	case status == http.StatusNotFound:
		return hikyaku.KindNotFound
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return hikyaku.KindTransient
	case status >= http.StatusMultipleChoices && status < http.StatusInternalServerError:
		return hikyaku.KindInvalid // another Region's bucket, a name that is none
	}
	return hikyaku.KindTransient
}
