package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/hikyaku/stack"
)

// consoleLinks is what hikyaku console says.
type consoleLinks struct {
	// Console is the address, URL the same with the token that signs in.
	Console string `json:"console"`
	URL     string `json:"url"`
}

// newConsoleCommand returns hikyaku console.
func newConsoleCommand(env environment) *cobra.Command {
	var listen string
	var open bool
	cmd := &cobra.Command{
		Use:   "console",
		Short: env.t("Print the console's sign-in link; with --stack serve it", "コンソールのサインイン用リンクを表示。--stack では起動も行う"),
		Long: env.t(`Print the link that signs in to the console of the running server.

With --stack serve the console of an AWS deployment on this machine, on a
loopback address, with your own AWS credentials: it reads the stack's table and
invokes its function operate, and no public endpoint is made. It runs until
interrupted. Whoever has its link may do what your credentials may.

On a stack the search finds IDs by their beginning, transfer IDs, execution
ARNs and error codes.`, `動作中のサーバーのコンソールにサインインするリンクを表示します。

--stack では、AWS のデプロイのコンソールをこの端末のループバックアドレスで起動します。自分の AWS
認証情報でスタックのテーブルを読み、関数 operate を呼び出します。公開エンドポイントは作りません。
中断するまで動き続けます。リンクを持つ人は、その認証情報でできることができます。

スタックでの検索は、ID の前方一致、転送ID、実行ARN、エラーコードです。`),
		Example: `  hikyaku console --open
  hikyaku console --stack hikyaku-prd --profile operator`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			said := func(links consoleLinks) error {
				err := printResult(env.stdout, outputFormat(cmd), links, nil, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, links.URL)
					return err
				})
				if err == nil && open {
					err = openBrowser(cmd.Context(), links.URL)
				}
				return err
			}
			if name := flagValue(cmd, "stack"); name != "" {
				s, err := openStack(cmd.Context(), name, flagValue(cmd, "profile"), flagValue(cmd, "region"))
				if err != nil {
					return err
				}
				return serveStackConsole(cmd.Context(), env, s, listen, said)
			}
			if cmd.Flags().Changed("listen") {
				return invalid("--listen", "it needs --stack: a server's console listens where its config says")
			}
			links, err := serverLinks(cmd, env)
			if err != nil {
				return err
			}
			return said(links)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", env.t("with --stack: loopback address to listen on; port 0 is any free one", "--stack で待ち受けるループバックアドレス。ポート 0 は空きポート"))
	cmd.Flags().BoolVar(&open, "open", false, env.t("open it in the browser", "ブラウザーで開く"))
	return cmd
}

// serverLinks are those of a running server, at the address that people use.
func serverLinks(cmd *cobra.Command, env environment) (consoleLinks, error) {
	base, token, err := serverOf(cmd, env)
	if err != nil {
		return consoleLinks{}, err
	}
	if e, err := readEndpoints(dataDir(cmd, env)); err == nil && base == e.Console && e.Public != "" {
		base = e.Public
	}
	return links(base, token), nil
}

// serverOf is the address and the token of the server that a command means.
func serverOf(cmd *cobra.Command, env environment) (base, token string, err error) {
	base, token = flagValue(cmd, "url"), flagValue(cmd, "token")
	if flagValue(cmd, "data") == "" {
		base, token = cmp.Or(base, env.getenv("HIKYAKU_URL")), cmp.Or(token, env.getenv("HIKYAKU_TOKEN"))
	}
	if base == "" || token == "" {
		e, err := readEndpoints(dataDir(cmd, env))
		if err != nil {
			return "", "", notFound(err)
		}
		if base == "" {
			base = e.Console
		}
		if token == "" && base == e.Console { // a token is for its own server only
			token = e.Token
		}
	}
	return base, token, nil
}

func links(base, token string) consoleLinks {
	l := consoleLinks{Console: base, URL: base}
	if token != "" {
		l.URL += "/login?token=" + url.QueryEscape(token)
	}
	return l
}

// serveStackConsole serves until ctx ends.
func serveStackConsole(ctx context.Context, env environment, s *stack.Stack, addr string, said func(consoleLinks) error) error {
	if err := checkListen(addr); err != nil {
		return invalid("--listen", "%v", err)
	}
	logger := slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	h, token := s.Console(stack.ConsoleOptions{User: s.Caller(ctx), Logger: logger, Version: version})
	defer h.Close()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindConflict, Code: hikyaku.CodePortInUse, Op: "listen", Subject: addr, Err: err}
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }() // ends with Shutdown or Close below
	if err := said(links("http://"+l.Addr().String(), token)); err != nil {
		logger.WarnContext(ctx, "open the browser", slog.String("error", err.Error()))
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve the console: %w", err)
	case <-ctx.Done():
	}
	h.Close()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(stop) != nil { // a stream does not end by itself
		err = server.Close()
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// openBrowser opens an address as the desktop does.
func openBrowser(ctx context.Context, address string) error {
	command := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	if err := exec.CommandContext(ctx, command[0], append(command[1:], address)...).Start(); err != nil { //nolint:gosec // our own address
		return fmt.Errorf("open the browser: %w", err)
	}
	return nil
}
