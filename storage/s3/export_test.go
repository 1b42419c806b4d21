package s3

// Item is a key of a page, for tests.
type Item struct {
	Key, ETag string
	Size      int64
}

// ParsePage lets tests reach the page scanner without a service.
func ParsePage(doc []byte) (items []Item, next string, err error) {
	p, err := parsePage(doc)
	if err != nil {
		return nil, "", err
	}
	for _, it := range p.items {
		items = append(items, Item{it.key, it.etag, it.size})
	}
	return items, p.next, nil
}
