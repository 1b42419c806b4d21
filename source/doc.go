// Package source is hikyaku's Source on S3: it lists what an ID's include
// filter selects, so that nobody starts a task for an ID that is not there or
// not complete.
//
// A look is one ListObjectsV2 in the usual case. It stops at a budget of
// listed keys, and then says that its figures are lower bounds. Routes whose
// source is no bucket cannot be looked at from the control plane: Look says
// so and asks nobody.
//
// Not guaranteed: that what was listed is still there when the transfer runs.
package source
