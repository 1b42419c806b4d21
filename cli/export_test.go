package cli

// Phrases is the catalogue for its test.
func Phrases() map[string][2]string {
	out := map[string][2]string{}
	for key, p := range phrases() {
		out[key] = [2]string{p.en, p.ja}
	}
	return out
}
