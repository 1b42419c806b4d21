// Package stack wires the Lambda functions of one deployed stack: environment
// variables, AWS clients, the route with its changeable settings, and what the
// functions in package lambda need. The mains beside it call Run and nothing
// else.
package stack
