package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/console"
)

// translateHelp gives the whole tree help in the person's language.
func (a *app) translateHelp(root *cobra.Command) {
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: a.t("help_short"), ValidArgsFunction: completeCommands,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, _, err := cmd.Root().Find(args)
			if err != nil {
				return a.knownCommand(cmd.Root(), args)
			}
			return target.Help()
		},
	})
	root.SetUsageTemplate(a.usageTemplate())
	for _, c := range append([]*cobra.Command{root}, all(root)...) {
		c.InitDefaultHelpFlag()
		c.Long = fold(c.Long, helpWidth)
		if c.Example == "" {
			c.Example = examples()[c.CommandPath()]
		}
		if f := c.Flags().Lookup("help"); f != nil {
			f.Usage = a.t("flag_help")
		}
	}
}

// examples are those of the commands whose use is plain.
func examples() map[string]string {
	return map[string]string{
		"hikyaku":              "  hikyaku demo\n  hikyaku send A-123 --wait\n  hikyaku show A-123",
		"hikyaku help":         "  hikyaku help send",
		"hikyaku version":      "  hikyaku version -o json",
		"hikyaku agents":       "  hikyaku agents -o json",
		"hikyaku pool bench":   "  hikyaku pool bench arn:aws:datasync:local-1:000000000000:task/task-0f1e2d3c4b5a69788",
		"hikyaku pool unbench": "  hikyaku pool unbench arn:aws:datasync:local-1:000000000000:task/task-0f1e2d3c4b5a69788",
		"hikyaku dlq list":     "  hikyaku dlq list --since 24h",
		"hikyaku dlq show":     "  hikyaku dlq show A-123",
		"hikyaku dlq redrive":  "  hikyaku dlq redrive A-123\n  hikyaku dlq redrive --all --reason \"NAS is back\"",
		"hikyaku dlq discard":  "  hikyaku dlq discard A-123 --reason \"sent by mistake\"",
		"hikyaku route list":   "  hikyaku route list -o json",
		"hikyaku route pause":  "  hikyaku route pause orders --reason \"NAS maintenance\"",
		"hikyaku route resume": "  hikyaku route resume orders",
		"hikyaku route limit":  "  hikyaku route limit orders 10MiB\n  hikyaku route limit orders unlimited",
	}
}

func all(c *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, sub := range c.Commands() {
		out = append(out, sub)
		out = append(out, all(sub)...)
	}
	return out
}

func (a *app) usageTemplate() string {
	flagWidth := strconv.Itoa(helpWidth)
	if a.lang == console.LangJapanese {
		flagWidth = "0" // flags are broken at spaces only
	}
	return a.t("help_usage") + `{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} ` + a.t("help_command") + `{{end}}{{if gt (len .Aliases) 0}}

` + a.t("help_aliases") + `
  {{.NameAndAliases}}{{end}}{{if .HasExample}}

` + a.t("help_examples") + `
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if not .AllChildCommandsHaveGroup}}

{{if .Groups}}` + a.t("help_more") + `{{else}}` + a.t("help_commands") + `{{end}}{{range $cmds}}{{if (and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

` + a.t("help_flags") + `
{{.LocalFlags.FlagUsagesWrapped ` + flagWidth + ` | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

` + a.t("help_global") + `
{{.InheritedFlags.FlagUsagesWrapped ` + flagWidth + ` | trimTrailingWhitespaces}}{{end}}{{if .HasParent}}

` + fold(a.t("help_exit"), helpWidth) + `{{end}}
`
}
