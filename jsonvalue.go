package hikyaku

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// maxDepth is how deep JSON from outside may be nested.
const maxDepth = 32

// decodeJSON reads exactly one JSON value: maps, lists, strings, bools, nil
// and json.Number. Unlike encoding/json it refuses an object that has a key
// twice, and nesting deeper than maxDepth.
func decodeJSON(s string) (any, error) {
	if !json.Valid([]byte(s)) {
		return nil, poison(CodeNotUnderstood, "the body is not valid JSON")
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, poison(CodeNotUnderstood, "something follows the JSON value")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, poison(CodeNotUnderstood, "the body is not valid JSON")
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth >= maxDepth {
		return nil, poison(CodeBodyTooLarge, "the JSON is nested too deep")
	}
	if delim == '{' {
		return decodeMap(dec, depth)
	}
	list := []any{}
	for dec.More() {
		v, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err = dec.Token()
	return list, err
}

func decodeMap(dec *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, poison(CodeNotUnderstood, "the body is not valid JSON")
		}
		name, ok := token.(string)
		if !ok {
			return nil, poison(CodeNotUnderstood, "the body is not valid JSON")
		}
		if _, twice := m[name]; twice {
			return nil, poison(CodeDuplicateKey, "the key "+quote(name)+" appears twice")
		}
		if m[name], err = decodeValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return m, err
}
