package cli

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/console"
)

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
			return a.emit(v, nil, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "hikyaku %s (%s, %s)\n", v.Version, v.Go, v.Platform)
				return err
			})
		},
	}
}
