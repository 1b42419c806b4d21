package engine_test

import (
	"encoding/hex"
	"testing"

	"github.com/minio/crc64nvme"
	"pgregory.net/rapid"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
)

func TestSum_KnownValues(t *testing.T) {
	t.Parallel()
	for a, want := range map[storage.Algorithm]string{storage.CRC32C: "e306928300000000", storage.CRC64NVME: "ae8b14860a799888"} {
		got := engine.SumBytes(a, []byte("123456789"))
		if hex.EncodeToString(got.Value[:]) != want {
			t.Errorf("algorithm %d: got %x, want %s", a, got.Value, want)
		}
	}
}

func TestCombine_EqualsSumOfWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(rt, "first")
		second := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(rt, "second")
		whole := append(append([]byte{}, first...), second...)
		for _, a := range []storage.Algorithm{storage.CRC32C, storage.CRC64NVME} {
			got := engine.Combine(engine.SumBytes(a, first), engine.SumBytes(a, second), int64(len(second)))
			if want := engine.SumBytes(a, whole); got != want {
				rt.Fatalf("algorithm %d: got %x, want %x", a, got.Value, want.Value)
			}
		}
		fast := crc64nvme.New()
		_, _ = fast.Write(whole)
		if got := engine.SumBytes(storage.CRC64NVME, whole).Value; string(fast.Sum(nil)) != string(got[:]) {
			rt.Fatalf("standard library %x, crc64nvme %x", got, fast.Sum(nil))
		}
	})
}
