package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/hikyaku/hikyaku/console"
)

// fileTable writes a page of the results per file.
func (a *app) fileTable(w io.Writer, list console.FileList) error {
	var b bytes.Buffer
	switch {
	case !list.Available:
		fmt.Fprintln(&b, a.t("no_file_results"))
	case len(list.Files) == 0:
		fmt.Fprintln(&b, a.t("no_files"))
	default:
		t := a.table(column{title: a.t("col_state")}, column{title: a.t("col_size"), right: true}, column{title: a.t("col_rate"), right: true}, column{title: a.t("col_checksum")}, column{title: a.t("col_file")}, column{title: a.t("col_why")})
		for _, f := range list.Files {
			state, why := cell{f.State, ""}, ""
			switch f.State {
			case "failed":
				state.colour = red
			case "verified":
				state.colour = green
			}
			if f.Failure != nil {
				why = strings.TrimSpace(f.Failure.Code + " " + oneLine(f.Failure.Message) + " " + oneLine(f.Failure.Detail))
			}
			t.add(state, plain(size(f.Bytes)), plain(a.fileRate(f)), plain(fileChecksum(f)), plain(console.Printable(f.Path)), plain(why))
		}
		if err := t.write(&b); err != nil {
			return err
		}
	}
	if list.NextToken != nil {
		fmt.Fprintln(&b, a.t("more_files", *list.NextToken))
	}
	_, err := b.WriteTo(w)
	return err
}

func (a *app) fileRate(f console.File) string {
	if f.Seconds <= 0 || f.Bytes <= 0 {
		return "-"
	}
	return console.FormatRate(int64(float64(f.Bytes)/f.Seconds), a.lang)
}

// fileChecksum is the one that both sides have, or both.
func fileChecksum(f console.File) string {
	switch {
	case f.SourceChecksum == f.DestinationChecksum, f.DestinationChecksum == "":
		return cmp.Or(f.SourceChecksum, "-")
	case f.SourceChecksum == "":
		return f.DestinationChecksum
	}
	return f.SourceChecksum + " ≠ " + f.DestinationChecksum
}
