package storage

import "errors"

// ErrGone says that the root a stage writes below is no longer the location's: it was
// removed, moved, or something else is mounted in its place. What was written
// there is not delivered; the next Stage finds, or makes, the root anew.
var ErrGone = errors.New("the folder is gone from its place")
