// Package lambda is the AWS edition's way in: what AWS Lambda hands to the
// functions becomes calls of the dispatcher's use cases, and their result
// becomes the reply that Lambda expects. It is what package daemon is to the
// self-hosted edition.
//
// Intake accepts queue messages, Refresh follows executions on events and on a
// schedule, Agents watches the agents, Operate carries out people's commands
// (Request, Reply; Client is the other end). Each invocation ends before
// Lambda would end it: what is left is found again by the next one, because
// everything waits in the ledger.
//
// Not guaranteed: that an event comes, comes once or comes in order. The
// scheduled sweep is the truth; events only make it quick.
package lambda
