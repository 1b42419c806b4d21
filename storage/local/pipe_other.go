//go:build !linux

package local

import (
	"errors"
	"io"
	"os"
)

// pipe is of no use: nothing is piped here.
type pipe struct{}

func newPipe() (*pipe, error) { return &pipe{}, nil }

func (p *pipe) in() uintptr { return 0 }

func (p *pipe) drain(*os.File, int64, int) (int, error) { return 0, errors.ErrUnsupported }

func (p *pipe) Read([]byte) (int, error) { return 0, io.EOF }

func (p *pipe) close() {}
