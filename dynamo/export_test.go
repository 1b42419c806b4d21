package dynamo

// What tests of this package need to reach.

// MaxBlocks is how many commits' events an item carries.
const MaxBlocks = maxBlocks

// Encode is a record as stored.
func Encode(v any) ([]byte, error) { return new(codec).encode(v) }

// Decode reads a stored record.
func Decode(stored []byte, v any) error { return decode(stored, v) }

// PackTimes shortens the times in JSON.
func PackTimes(raw []byte) ([]byte, bool) { return packTimes(raw) }

// UnpackTimes undoes PackTimes.
func UnpackTimes(packed []byte) []byte { return unpackTimes(packed) }
