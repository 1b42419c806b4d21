package engine

import (
	"context"
	"fmt"
	"io"

	"github.com/hikyaku/hikyaku/storage"
)

// copyLink makes the link the source has, unless the destination has it.
func (r *run) copyLink(ctx context.Context, t *task) (skip bool, err error) {
	target, err := readLink(ctx, r.src, t.src)
	if err != nil {
		return false, coded(SourceReadFailed, err)
	}
	want := delivered(t.src, r.opt.preserve, r.srcP, r.dstP)
	if t.op == opCheck && t.dst.Kind == storage.Symlink {
		have, err := readLink(ctx, r.dst, t.dst)
		if err == nil && have == target {
			return true, nil
		}
	}
	if r.job.DryRun {
		return false, nil
	}
	if err := r.retry(ctx, func() error { return r.makeLink(ctx, want, target) }); err != nil {
		return false, err
	}
	if !r.opt.verify {
		return false, nil
	}
	made, err := r.dst.Stat(ctx, t.src.Path)
	if err != nil {
		return false, coded(DestinationReadFailed, err)
	}
	have, err := readLink(ctx, r.dst, made)
	if err != nil {
		return false, coded(DestinationReadFailed, err)
	}
	if have != target {
		return false, mismatch("link read back differs from the source")
	}
	return false, nil
}

// maxLink bounds a link's target.
const maxLink = 64 << 10

func readLink(ctx context.Context, d storage.Driver, e storage.Entry) (string, error) {
	c, err := d.Open(ctx, e, 0, -1)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Body.Close() }() // read to its end
	target, err := io.ReadAll(io.LimitReader(c.Body, maxLink+1))
	if err != nil {
		return "", err
	}
	if len(target) > maxLink {
		return "", fmt.Errorf("link target is longer than %d bytes", maxLink)
	}
	return string(target), nil
}
