package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// object is a JSON object whose members keep their order. JSON values of the
// results are nil, bool, json.Number, string, []any and object.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(&b, m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := appendJSON(&b, m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// get returns a member's value, nil if there is none.
func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func appendJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
	return nil
}

// compact is a value as one line of JSON.
func compact(v any) string {
	var b bytes.Buffer
	if err := appendJSON(&b, v); err != nil {
		return fmt.Sprint(v)
	}
	return b.String()
}

// jsonValue is what v's JSON says, members in their order.
func jsonValue(v any) (any, error) {
	var b bytes.Buffer
	if err := appendJSON(&b, v); err != nil {
		return nil, fmt.Errorf("encode the result: %w", err)
	}
	d := json.NewDecoder(&b)
	d.UseNumber()
	out, err := decodeValue(d)
	if err != nil {
		return nil, fmt.Errorf("decode the result: %w", err)
	}
	return out, nil
}

func decodeValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			s, ok := name.(string)
			if !ok {
				return nil, errors.New("a member without a name")
			}
			o = append(o, member{s, v})
		}
		_, err := d.Token()
		return o, err
	}
	return t, nil
}

// writeJSON writes v for people and programs.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// leaves are the columns of a record: its members, and those of the objects
// in it under "object.member". Lists and empty objects are leaves.
func leaves(v any, prefix string, out []member) []member {
	o, ok := v.(object)
	if !ok || len(o) == 0 || (len(o) == 1 && o[0].name == "") {
		return append(out, member{strings.TrimSuffix(prefix, "."), v})
	}
	for _, m := range o {
		out = leaves(m.value, prefix+m.name+".", out)
	}
	return out
}

// at is the value that leaves named, nil where the record has none.
func at(v any, path string) any {
	o, ok := v.(object)
	if !ok {
		return nil
	}
	if found := o.get(path); found != nil {
		return found
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := o.get(path[:i]).(object); ok {
			return at(inner, path[i+1:])
		}
	}
	return nil
}

// columnsOf are the columns of the records together, in the order they come
// up. What is null in one record and an object in another is the object.
func columnsOf(records []any) []string {
	var names []string
	seen, objects := map[string]bool{}, map[string]bool{}
	for _, r := range records {
		for _, m := range leaves(r, "", nil) {
			if !seen[m.name] {
				seen[m.name] = true
				names = append(names, m.name)
			}
			for i := range len(m.name) {
				if m.name[i] == '.' {
					objects[m.name[:i]] = true
				}
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return objects[name] })
}
