// Package stack reaches an AWS deployment of hikyaku from a person's machine,
// with that person's own credentials: the table is read, queries and all, and
// nothing is ever written to it; commands go to the function operate; IDs go
// to the queue, as a producer's do. What it gives the console and the command
// line is what the self-hosted server gives them.
//
// CloudFormation's outputs of the stack name everything. Errors are
// *hikyaku.Error with a code of the catalogue.
package stack
