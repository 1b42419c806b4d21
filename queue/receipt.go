package queue

import (
	"encoding/base64"
	"encoding/binary"
)

// receipt is what a receipt handle carries: which message of which queue, and
// which receive of it.
type receipt struct {
	queue      string
	key        int64
	generation int
	id         string
}

const receiptVersion = 1

// handle renders the receipt: opaque to clients, of letters, digits, + / =.
func (r receipt) handle() string {
	b := []byte{receiptVersion}
	b = binary.AppendVarint(b, r.key)
	b = binary.AppendVarint(b, int64(r.generation))
	b = append(b, byte(len(r.id))) //nolint:gosec // IDs are at most 255 bytes long
	b = append(b, r.id...)
	b = append(b, r.queue...)
	return base64.StdEncoding.EncodeToString(b)
}

// parseReceipt reads a handle that was given out for the queue.
func parseReceipt(queue, handle string) (receipt, error) {
	if handle == "" {
		return receipt{}, missing("ReceiptHandle")
	}
	bad := refuse(CodeReceiptHandleIsInvalid, "The input receipt handle %q is not a valid receipt handle.", clip(handle))
	b, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || len(b) == 0 || b[0] != receiptVersion {
		return receipt{}, bad
	}
	b = b[1:]
	key, n := binary.Varint(b)
	if n <= 0 {
		return receipt{}, bad
	}
	b = b[n:]
	generation, n := binary.Varint(b)
	if n <= 0 || generation < 0 || generation > 1<<31-1 {
		return receipt{}, bad
	}
	b = b[n:]
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return receipt{}, bad
	}
	r := receipt{key: key, generation: int(generation), id: string(b[1 : 1+b[0]]), queue: string(b[1+b[0]:])}
	if r.queue != queue {
		return receipt{}, bad
	}
	return r, nil
}

// clip shortens what a caller sent for an error message.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
