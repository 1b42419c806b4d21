// Package datasync is hikyaku's Executor: a client of any endpoint that speaks
// the DataSync API, Amazon's or hikyaku's own. Beside it stands Provisioner,
// which keeps the tasks of the routes' pools in existence where no stack does.
//
// StartTaskExecution has no idempotency token, so it is sent once and only
// once; whatever leaves open whether the service acted is an
// *hikyaku.UnclearError. Everything else is retried in the SDK's adaptive mode.
//
// Amazon has one code, InvalidRequestException, for an unknown ARN, a bad
// state and a bad option alike, and its texts are not documented. Texts are
// therefore never read. Where a refusal must be told apart this package asks
// for the state: a Describe of an ARN that is refused with
// InvalidRequestException means that there is no such thing; a refused start
// or cancel is followed by a Describe whose answer decides.
package datasync
