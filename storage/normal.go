package storage

// Normalizer is implemented by drivers with Properties.Normalizes.
type Normalizer interface {
	// Normal returns the form that all spellings of a name have in common in
	// this store. It must not block.
	Normal(name string) string
}
