package awsjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Decode fills v, a pointer to a struct whose fields carry the wire names in
// json tags (or are named like them), from a request body. Unknown members and
// nulls are ignored; an empty body counts as {}. A body that is not one JSON
// object in UTF-8, or a member of the wrong type, gives a
// SerializationException.
func Decode(body []byte, v any) error {
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 {
		return nil
	}
	if trimmed[0] != '{' {
		return serializationError(errors.New("the request body must be a JSON object"))
	}
	if !utf8.Valid(trimmed) {
		return serializationError(errors.New("the request body is not valid UTF-8"))
	}
	d := json.NewDecoder(bytes.NewReader(trimmed))
	if err := d.Decode(v); err != nil {
		return serializationError(decodeProblem(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return serializationError(errors.New("the request body holds more than one JSON value"))
	}
	return nil
}

// decodeProblem puts encoding/json's errors into words without Go types.
func decodeProblem(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := wrong.Field
		if field == "" {
			field = "the body"
		}
		return fmt.Errorf("%s has the wrong type: found a JSON %s", field, wrong.Value)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("the request body is not valid JSON at byte %d", syntax.Offset)
	}
	return errors.New("the request body is not valid JSON")
}
