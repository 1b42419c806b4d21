package cli

import (
	"github.com/spf13/cobra"
)

// translateHelp gives the whole tree help in the person's language.
func (a *app) translateHelp(root *cobra.Command) {
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: a.t("help_short"),
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
		if f := c.Flags().Lookup("help"); f != nil {
			f.Usage = a.t("flag_help")
		}
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
	return a.t("help_usage") + `{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} ` + a.t("help_command") + `{{end}}{{if gt (len .Aliases) 0}}

` + a.t("help_aliases") + `
  {{.NameAndAliases}}{{end}}{{if .HasExample}}

` + a.t("help_examples") + `
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if not .AllChildCommandsHaveGroup}}

` + a.t("help_more") + `{{range $cmds}}{{if (and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help")))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

` + a.t("help_flags") + `
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

` + a.t("help_global") + `
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}

` + a.t("help_exit") + `
`
}
