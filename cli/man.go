package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// manResult is what man says.
type manResult struct {
	Folder string   `json:"folder"`
	Pages  []string `json:"pages"`
}

// manCommand writes the man pages; packages are built with it.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: a.t("man_short"), Long: a.t("man_long"), Hidden: true, Args: a.exactly(1),
		Example: "  hikyaku man share/man/man1\n  hikyaku man share/man/ja/man1 --lang ja",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			pages, err := a.man(cmd.Root(), args[0])
			if err != nil {
				return err
			}
			return a.emit(manResult{Folder: args[0], Pages: pages}, nil, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, a.t("man_done", len(pages), console.PrintableText(args[0])))
				return err
			})
		},
	}
}

func (a *app) man(root *cobra.Command, dir string) ([]string, error) {
	date := a.Now()
	if epoch := a.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return nil, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "read", Subject: "SOURCE_DATE_EPOCH", Err: err}
		}
		date = time.Unix(seconds, 0)
	}
	date = date.UTC()
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // man pages are for everybody
		return nil, fmt.Errorf("make the folder of the man pages: %w", err)
	}
	root.DisableAutoGenTag = true // no second date, and no advertisement
	var pages []string
	for _, c := range append([]*cobra.Command{root}, all(root)...) {
		if c.IsAvailableCommand() || c == root {
			pages = append(pages, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		}
	}
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: "hikyaku " + a.Version, Manual: a.t("man_manual")}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return nil, fmt.Errorf("write man pages: %w", err)
	}
	return pages, nil
}
