//go:build !linux

package local

import (
	"errors"
	"os"
)

// unnamedFiles is 0: every file needs a name here.
const unnamedFiles = 0

func canLink() bool { return false }

func (f *folder) openUnnamed(uint32) (*os.File, error) { return nil, errors.ErrUnsupported }

func (f *folder) link(*os.File, string) error { return errors.ErrUnsupported }

func linkRefused(error) bool { return false }
