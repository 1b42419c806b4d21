package s3

import (
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Tags asks for an object's tags.
func (d *Driver) Tags(ctx context.Context, path string) (map[string]string, error) {
	key, err := d.key("read tags of", path, false)
	if err != nil {
		return nil, err
	}
	body, err := d.fetch(ctx, request{method: http.MethodGet, key: key, query: "tagging="}, answerLimit)
	if err != nil {
		return nil, pathError("read tags of", path, err)
	}
	var answer struct {
		XMLName xml.Name `xml:"Tagging"`
		Tags    []struct {
			Key   string `xml:"Key"`
			Value string `xml:"Value"`
		} `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		return nil, pathError("read tags of", path, fmt.Errorf("answer is not understood: %w", err))
	}
	tags := make(map[string]string, len(answer.Tags))
	for _, t := range answer.Tags {
		tags[t.Key] = t.Value
	}
	return tags, nil
}

// encodeTags writes tags as the header that stores an object takes them in.
func encodeTags(tags map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escapeQuery(k) + "=" + escapeQuery(tags[k]))
	}
	return b.String()
}
