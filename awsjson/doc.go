// Package awsjson is the HTTP edge that our AWS-compatible servers share: the
// awsJson 1.0 and 1.1 protocols, SigV4 verification, scopes of access keys,
// error replies.
//
// A [Server] is one service: a table of operations under a target prefix. A
// [Mux] serves several services on one listener. Every request is verified
// before its operation is looked up, so that a stranger learns nothing but the
// name of the failure.
//
// Not provided: response streaming, the older query protocol (such requests
// get an XML error that says so), session tokens, and protection against the
// replay of a request inside the allowed clock skew, which AWS does not give
// either.
package awsjson
