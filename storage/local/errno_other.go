//go:build !unix && !windows

package local

func kindOfErrno(error) error { return nil }
