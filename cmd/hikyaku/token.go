package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/console"
)

// newTokenCommand returns hikyaku token.
func newTokenCommand(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: env.t("Make, list and revoke named tokens with roles", "役割つきの名前付きトークンを発行・一覧・取り消しする"),
		Long: env.t(`Make, list and revoke named tokens of a running server. What is done with a
token is recorded under its name. Roles: viewer reads, operator acts on
transfers and dead letters and pauses routes, admin also changes bandwidth,
benches tasks and keeps tokens, producer only sends.

The server keeps digests: a token is shown once, when it is made. Revoking one
ends at once what was signed in with it. It needs the role admin.`, `動作中のサーバーの名前付きトークンを発行・一覧・取り消しします。操作はトークンの名前で記録されます。
役割: viewer は閲覧、operator は転送・デッドレターの操作とルートの一時停止、admin はさらに帯域の変更、
タスクの割当停止、トークンの管理、producer は送信のみ。

サーバーに残るのはダイジェストだけで、トークンは発行時に一度だけ表示されます。取り消すと、それで
サインインした画面もすぐに終わります。admin の役割が必要です。`),
	}
	cmd.AddCommand(newTokenCreateCommand(env), newTokenListCommand(env), newTokenRevokeCommand(env))
	for _, c := range cmd.Commands() {
		c.PreRunE = refuseStack
	}
	return cmd
}

// tokenClient talks to the server that the command means.
func tokenClient(cmd *cobra.Command, env environment) (*console.Client, error) {
	base, token, err := serverOf(cmd, env)
	if err != nil {
		return nil, err
	}
	return console.NewClient(base, token, &http.Client{Timeout: time.Minute}), nil
}

func newTokenCreateCommand(env environment) *cobra.Command {
	var role, expires string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: env.t("Make a token and show it, once", "トークンを発行し、一度だけ表示する"),
		Example: `  hikyaku token create sato --role operator --expires 90d
  export HIKYAKU_TOKEN=$(hikyaku token create ci --role producer)`,
		Args: exactly(1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n := console.NewToken{Name: args[0], Role: console.Scope(role)}
			if !slices.Contains(console.Scopes(), n.Role) {
				return invalid("--role", "%q is not viewer, operator, admin or producer", role)
			}
			if expires != "" {
				var life duration
				if err := life.UnmarshalYAML([]byte(expires)); err != nil || life == 0 {
					return invalid("--expires", "%q is not a duration: write 12h or 90d", expires)
				}
				n.ExpiresAt = time.Now().Add(time.Duration(life)).UTC().Truncate(time.Second)
			}
			client, err := tokenClient(cmd, env)
			if err != nil {
				return err
			}
			made, err := client.CreateToken(cmd.Context(), n)
			if err != nil {
				return err
			}
			return printResult(env.stdout, outputFormat(cmd), made, nil, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, made.Secret)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", env.t("viewer, operator, admin or producer", "viewer、operator、admin、producer のいずれか"))
	cmd.Flags().StringVar(&expires, "expires", "", env.t("end it after this long, such as 90d; default: never", "有効期間（例: 90d）。省略時は無期限"))
	if err := cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"viewer", "operator", "admin", "producer"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("hikyaku: complete --role: " + err.Error()) // the flag is there
	}
	return cmd
}

func newTokenListCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: env.t("List the tokens, without their secrets", "トークンを一覧する（秘密は含まない）"),
		Example: `  hikyaku token list
  hikyaku token list --query "tokens[?role=='admin'].name"`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := tokenClient(cmd, env)
			if err != nil {
				return err
			}
			list, err := client.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			return printResult(env.stdout, outputFormat(cmd), list, list.Tokens, func(w io.Writer) error { return tokenTable(w, env, list.Tokens) })
		},
	}
}

// tokenTable shows tokens to people.
func tokenTable(w io.Writer, env environment, all []console.Token) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	lines := []string{env.t("NAME\tROLE\tCREATED\tBY\tEXPIRES", "名前\t役割\t作成\t作成者\t期限")}
	day := func(at time.Time, none string) string {
		if at.IsZero() {
			return none
		}
		return at.Local().Format("2006-01-02 15:04")
	}
	for _, k := range all {
		by := k.CreatedBy
		if k.Own {
			by = env.t("(the server's own)", "（サーバー付属）")
		}
		expires := day(k.ExpiresAt, env.t("never", "なし"))
		if !k.ExpiresAt.IsZero() && !time.Now().Before(k.ExpiresAt) {
			expires += env.t(" (expired)", "（期限切れ）")
		}
		lines = append(lines, strings.Join([]string{k.Name, string(k.Role), day(k.CreatedAt, "-"), by, expires}, "\t"))
	}
	for _, line := range lines {
		fmt.Fprintln(t, line) //nolint:errcheck // Flush says it
	}
	return t.Flush()
}

func newTokenRevokeCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Short:   env.t("End a token and what was signed in with it", "トークンと、それによるサインインを終わらせる"),
		Example: "  hikyaku token revoke sato",
		Args:    exactly(1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := tokenClient(cmd, env)
			if err != nil {
				return err
			}
			done, err := client.RevokeToken(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printResult(env.stdout, outputFormat(cmd), done, nil, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, env.t("%s is revoked.\n", "%s を取り消しました。\n"), done.Name)
				return err
			})
		},
	}
}
