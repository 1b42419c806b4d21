package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"reflect"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// recordView writes one line per change: a record of JSON or CSV, or what the
// query finds in it.
type recordView struct {
	a *app
	// columns of CSV, once the head is written.
	columns []string
	headed  bool
}

func (v *recordView) show(t hikyaku.Transfer) error {
	line, err := v.line(console.Document{Transfer: t})
	if err == nil {
		_, err = v.a.Stdout.Write(line)
	}
	return err
}

func (v *recordView) close() {}

func (v *recordView) line(d console.Document) ([]byte, error) {
	var record any
	var err error
	if v.a.query != nil {
		record, err = v.a.query.search(d)
	} else {
		record, err = jsonValue(d)
	}
	if err != nil {
		return nil, err
	}
	switch v.a.output {
	case FormatJSON:
		return []byte(compact(record) + "\n"), nil
	case FormatCSV:
		return v.csvLine(record)
	}
	return fmt.Appendln(nil, lineText(record)), nil
}

func (v *recordView) csvLine(record any) ([]byte, error) {
	var b bytes.Buffer
	if _, isRecord := record.(object); !isRecord {
		err := writeBare(&b, []any{record})
		return b.Bytes(), err
	}
	c := csv.NewWriter(&b)
	if !v.headed {
		v.headed = true
		v.columns = columnsOf([]any{record})
		if v.a.query == nil {
			columns, err := typeColumns(reflect.TypeFor[console.Document]())
			if err != nil {
				return nil, err
			}
			v.columns = columns
		}
		if err := c.Write(v.columns); err != nil {
			return nil, err
		}
	}
	if err := c.Write(csvLine(v.columns, record)); err != nil {
		return nil, err
	}
	c.Flush()
	return b.Bytes(), c.Error()
}
