package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/console"
)

// writeCSV writes records (a slice, or one) with a head of column names. The
// columns are those of the record's type, whatever the records hold, so that
// a script finds them in the same place every time.
func writeCSV(w io.Writer, records any) error {
	v, err := jsonValue(records)
	if err != nil {
		return err
	}
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	columns, err := typeColumns(reflect.TypeOf(records))
	if err != nil {
		return err
	}
	return writeRows(w, columns, list)
}

// writeResultCSV writes what a query found: the columns are those it found.
func writeResultCSV(w io.Writer, v any) error {
	list, many := v.([]any)
	switch {
	case v == nil:
		return nil
	case !many:
		list = []any{v}
	}
	if every[object](list) {
		return writeRows(w, columnsOf(list), list)
	}
	return writeBare(w, list)
}

// writeBare writes rows that have no names: lists, and single values.
func writeBare(w io.Writer, list []any) error {
	c := csv.NewWriter(w)
	for _, row := range list {
		cells, ok := row.([]any)
		if !ok {
			cells = []any{row}
		}
		line := make([]string, len(cells))
		for i, v := range cells {
			line[i] = csvCell(v)
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func writeRows(w io.Writer, columns []string, records []any) error {
	c := csv.NewWriter(w)
	if len(columns) > 0 {
		if err := c.Write(columns); err != nil {
			return err
		}
	}
	for _, r := range records {
		if err := c.Write(csvLine(columns, r)); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func csvLine(columns []string, record any) []string {
	line := make([]string, len(columns))
	for i, name := range columns {
		line[i] = csvCell(at(record, name))
	}
	return line
}

// csvCell is a value in a cell. A text that a spreadsheet would run as a
// formula gets an apostrophe before it, and one that could deceive a terminal
// is quoted: IDs and messages are made by strangers.
func csvCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if v == "" {
			return ""
		}
		if strings.ContainsRune("=+-@\t\r", rune(v[0])) {
			return "'" + console.PrintableText(v)
		}
		return console.PrintableText(v)
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	return compact(v)
}

// every tells whether all values are of one kind; none is not.
func every[T any](list []any) bool {
	for _, v := range list {
		if _, ok := v.(T); !ok {
			return false
		}
	}
	return len(list) > 0
}

// typeColumns are the columns that records of a type have.
func typeColumns(t reflect.Type) ([]string, error) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Map {
		return nil, fmt.Errorf("no columns for a %s", t) // a mistake in a command
	}
	v, err := jsonValue(filled(t).Interface())
	if err != nil {
		return nil, err
	}
	return columnsOf([]any{v}), nil
}

// filled is a value of a type in which nothing is zero, so that its JSON
// leaves nothing out. A map gets the key "", which marks it for leaves: its
// keys are no columns.
func filled(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
		return v
	case t == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`[]`))
		return v
	}
	switch t.Kind() { //nolint:exhaustive // the rest of the kinds is not in records
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		v.Set(filled(t.Elem()).Addr())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.Zero(t.Key()), reflect.Zero(t.Elem()))
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(filled(t.Field(i).Type))
			}
		}
	}
	return v
}
