package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// outputFormat is the value of --output: table or json.
func outputFormat(cmd *cobra.Command) string { return flagValue(cmd, "output") }

// printResult writes v as JSON, or as text by the function made for it, so
// that both come from one value.
func printResult(w io.Writer, output string, v any, text func(io.Writer) error) error {
	if output != "json" {
		return text(w)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
