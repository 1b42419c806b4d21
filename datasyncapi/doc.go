// Package datasyncapi serves the mover under the wire protocol of AWS
// DataSync: awsJson 1.1, operations FmrsService.*, with Amazon's member names,
// error shapes and, where they are known, error texts.
//
// Requests are checked here as Amazon's model says (required members,
// patterns, enums, lengths), because SDKs leave most of that to the server;
// what the values mean is the mover's business. Members this server cannot
// honour are refused by name, never accepted and ignored. The one exception is
// CloudWatchLogGroupArn, which is kept and returned: logs go to the server's
// own log.
//
// Operations of DataSync that this server does not offer answer
// InvalidRequestException and say so; docs/datasync-operations.md lists them.
package datasyncapi
