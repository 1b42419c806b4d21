package awsjson

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds the nesting of replies, against cyclic values.
const maxDepth = 64

// Encode renders a reply: structs member by member under the name in the json
// tag, else the field's own; absent members are left out: nil pointers, slices,
// maps and interfaces, empty strings, zero times, and zero values of fields
// tagged omitempty. Behind a pointer an empty string is sent. Times are seconds
// since the epoch with at most three decimals; []byte is base64; numbers and
// booleans are always sent unless tagged. A nil v is {}.
//
// So the output structs of the AWS SDK encode as Amazon would send them.
func Encode(v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	for rv.IsValid() && (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface) {
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return []byte("{}"), nil
	}
	return appendValue(nil, rv, 0)
}

func appendValue(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("encode %s: nested deeper than %d", v.Type(), maxDepth)
	}
	if v.Type() == reflect.TypeFor[time.Time]() {
		t, _ := reflect.TypeAssert[time.Time](v)
		return appendTime(b, t), nil
	}
	if raw, ok := reflect.TypeAssert[json.RawMessage](v); ok && len(raw) > 0 {
		return append(b, raw...), nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return appendValue(b, v.Elem(), depth+1)
	case reflect.Struct:
		b, _, err := appendFields(append(b, '{'), v, true, depth)
		return append(b, '}'), err
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			break // []byte: base64 as encoding/json has it
		}
		return appendList(b, v, depth)
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("encode number %v: not representable in JSON", f)
		}
	case reflect.String:
		return appendString(b, v.String())
	default: // booleans and integers, and what encoding/json refuses
	}
	raw, err := json.Marshal(v.Interface())
	return append(b, raw...), err
}

// appendFields writes the members of a struct; embedded structs are inlined.
func appendFields(b []byte, v reflect.Value, first bool, depth int) ([]byte, bool, error) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		value := v.Field(i)
		if f.Anonymous && tag == "" && value.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			var err error
			if b, first, err = appendFields(b, value, first, depth+1); err != nil {
				return nil, first, err
			}
			continue
		}
		if !f.IsExported() || tag == "-" || absent(value) || (strings.Contains(options, "omit") && value.IsZero()) {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(strconv.AppendQuote(b, tag), ':')
		var err error
		if b, err = appendValue(b, value, depth+1); err != nil {
			return nil, first, err
		}
	}
	return b, first, nil
}

// absent reports whether a member of a struct is not sent at all.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		t, ok := reflect.TypeAssert[time.Time](v)
		return ok && t.IsZero()
	default:
		return false
	}
}

func appendMap(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("encode %s: keys must be strings", v.Type())
	}
	b = append(b, '{')
	first := true
	for iter := v.MapRange(); iter.Next(); {
		if !first {
			b = append(b, ',')
		}
		first = false
		var err error
		if b, err = appendString(b, iter.Key().String()); err != nil {
			return nil, err
		}
		if b, err = appendValue(append(b, ':'), iter.Value(), depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendList(b []byte, v reflect.Value, depth int) ([]byte, error) {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, v.Index(i), depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendTime writes seconds since the epoch: 1700000000 or 1700000000.123.
func appendTime(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(b, ms/1000, 10)
	}
	return strconv.AppendFloat(b, float64(ms)/1000, 'f', 3, 64)
}

func appendString(b []byte, s string) ([]byte, error) {
	raw, err := json.Marshal(s)
	return append(b, raw...), err
}
