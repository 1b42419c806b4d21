package scenariotest

import (
	"crypto/sha256"
	"math/rand/v2"
	"strconv"
)

// Object is a file of an ID: its key below the route's source, and what is in it.
type Object struct {
	Key     string
	Content []byte
}

// Objects generates an ID's files; the same ones every time.
func (g Group) Objects(id string) []Object {
	random := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(id)))) //nolint:gosec // the same every time is the point
	objects := make([]Object, random64(random, g.Files))
	for i := range objects {
		size := random64(random, g.Bytes)
		if i == 0 && g.Bytes.Min == 0 && random.IntN(4) == 0 {
			size = 0 // empty files are as good as others
		}
		key := id + "/" + strconv.Itoa(i) + ".bin"
		if i%2 == 1 {
			key = id + "/deeper/" + strconv.Itoa(i) + ".bin"
		}
		content := make([]byte, size)
		for at := 0; at < len(content); at += 8 {
			word := random.Uint64()
			for j := at; j < min(at+8, len(content)); j++ {
				content[j] = byte(word)
				word >>= 8
			}
		}
		objects[i] = Object{Key: key, Content: content}
	}
	return objects
}

func random64(random *rand.Rand, r Range) int {
	if r.Max == 0 {
		return 0
	}
	return r.Min + random.IntN(r.Max-r.Min+1)
}
