package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/cli"
)

// outputFormat is what --output and --query ask for.
func outputFormat(cmd *cobra.Command) cli.Printer { return cli.PrinterOf(cmd) }

// printResult writes v in that format: as JSON; as CSV of records, a slice or
// one struct (nil: v); or as text by the function made for it. All come from
// one value.
func printResult(w io.Writer, p cli.Printer, v, records any, text func(io.Writer) error) error {
	return p.Print(w, v, records, text)
}
