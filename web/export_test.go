package web

// Texts is the catalogue for its test.
func Texts() map[string][2]string {
	out := map[string][2]string{}
	for key, p := range texts() {
		out[key] = [2]string{p.en, p.ja}
	}
	return out
}
