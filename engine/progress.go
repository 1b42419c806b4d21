package engine

import "sync/atomic"

// Progress can be read at any time while a run is under way. One Progress
// serves one run. The zero value is ready to use.
type Progress struct {
	phase atomic.Int32
	c     atomicCounters
}

// Snapshot returns the phase and counters as of now.
func (p *Progress) Snapshot() (Phase, Counters) {
	return phases()[p.phase.Load()], p.c.load()
}

func phases() [3]Phase { return [...]Phase{Preparing, Transferring, Verifying} }

// Indexes into phases.
const (
	phasePreparing int32 = iota
	phaseTransferring
	phaseVerifying
)

// advance moves the phase forward, never back, and reports whether it moved.
func (p *Progress) advance(to int32) bool {
	for {
		now := p.phase.Load()
		if now >= to {
			return false
		}
		if p.phase.CompareAndSwap(now, to) {
			return true
		}
	}
}

// atomicCounters mirrors Counters.
type atomicCounters struct {
	estimatedFiles, estimatedBytes, estimatedDeletes          atomic.Int64
	transferred, verified, skipped, deleted                   atomic.Int64
	failedPrepare, failedTransfer, failedVerify, failedDelete atomic.Int64
	bytesTransferred, bytesWritten, listedAtSource            atomic.Int64
}

func (c *atomicCounters) load() Counters {
	sent := c.bytesTransferred.Load()
	return Counters{
		EstimatedFilesToTransfer: c.estimatedFiles.Load(),
		EstimatedBytesToTransfer: c.estimatedBytes.Load(),
		EstimatedFilesToDelete:   c.estimatedDeletes.Load(),
		FilesTransferred:         c.transferred.Load(),
		FilesVerified:            c.verified.Load(),
		FilesSkipped:             c.skipped.Load(),
		FilesDeleted:             c.deleted.Load(),
		FailedPrepare:            c.failedPrepare.Load(),
		FailedTransfer:           c.failedTransfer.Load(),
		FailedVerify:             c.failedVerify.Load(),
		FailedDelete:             c.failedDelete.Load(),
		BytesTransferred:         sent,
		BytesWritten:             c.bytesWritten.Load(),
		BytesCompressed:          sent,
		FilesListedAtSource:      c.listedAtSource.Load(),
	}
}
