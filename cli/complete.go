package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/console"
)

// completeTimeout keeps a shell from hanging on a server that does not answer.
const completeTimeout = 2 * time.Second

type completer func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

func (a *app) completes(c *cobra.Command, flag string, f completer) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic("cli: " + err.Error()) // the flag does not exist: a mistake in this package
	}
}

func fixed(c *cobra.Command, flag string, values ...string) {
	err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("cli: " + err.Error()) // the flag does not exist: a mistake in this package
	}
}

// recent returns the newest transfers, or none: completion never fails aloud.
func (a *app) recent(ctx context.Context, f console.Filter) console.TransferList {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	api, err := a.api(ctx)
	if err != nil {
		return console.TransferList{}
	}
	list, err := api.Transfers(ctx, f)
	if err != nil {
		return console.TransferList{}
	}
	return list
}

func commandContext(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

func (a *app) completeIDs(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, t := range a.recent(commandContext(cmd), console.Filter{Query: toComplete, Limit: 200}).Transfers {
		if strings.HasPrefix(t.ID, toComplete) && !slices.Contains(args, t.ID) && console.Printable(t.ID) == t.ID {
			out = append(out, t.ID+"\t"+string(t.State))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeStates(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, s := range console.States() {
		out = append(out, strings.ToLower(string(s))+"\t"+console.StateWord(string(s), a.lang))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeRoutes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(commandContext(cmd), completeTimeout)
	defer cancel()
	api, err := a.api(ctx)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := api.Routes(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, r := range list.Routes {
		out = append(out, r.Name+"\t"+r.Source+" → "+r.Destination)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeCodes offers the codes that transfers failed with lately.
func (a *app) completeCodes(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	states := console.States()[4:] // failed, cancelled, rejected
	var out []string
	for _, t := range a.recent(commandContext(cmd), console.Filter{States: states, Limit: pageSize}).Transfers {
		if t.Failure != nil && t.Failure.Code != "" {
			out = append(out, t.Failure.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: a.t("completion_short"), Long: a.t("completion_long"),
		Example: "  source <(hikyaku completion bash)\n  hikyaku completion fish | source",
		Args:    a.exactly(1), ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.Stdout)
			case "fish":
				return root.GenFishCompletion(a.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.Stdout)
			}
			return a.usage("err_shell", console.Printable(args[0]), strings.Join(shells, ", "))
		},
	}
}

type versionInfo struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: a.t("version_short"), Args: a.exactly(0),
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{Version: a.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			return a.emit(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "hikyaku %s (%s, %s)\n", v.Version, v.Go, v.Platform)
				return err
			})
		},
	}
}
