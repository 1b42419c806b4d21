package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// newServeCommand returns hikyaku serve.
func newServeCommand(env environment) *cobra.Command {
	var file, level, format string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: env.t("Run the self-hosted server", "セルフホスト版のサーバーを動かす"),
		Long: env.t(`Run the self-hosted server: queue, S3 and DataSync endpoints, dispatcher,
console. Without a config it keeps its data in ./hikyaku-data and delivers IDs
from s3://outbox/ to ./hikyaku-data/delivered.

SIGTERM and Ctrl-C drain for 10 s at most; transfers under way go on at the
next start. SIGHUP reads the config again: routes, limits and retry change at
once, and what needs a restart is said.`, `セルフホスト版のサーバーを動かします: キュー、S3 と DataSync のエンドポイント、配車、コンソール。
設定がなければデータは ./hikyaku-data に置き、s3://outbox/ の ID を ./hikyaku-data/delivered に届けます。

SIGTERM と Ctrl-C では長くて 10 秒で止まり、途中の転送は次の起動で続きます。SIGHUP は設定を読み直し、
ルート、上限、再試行はすぐに変わり、再起動が必要なものは知らせます。`),
		Example: `  hikyaku serve
  hikyaku serve --config hikyaku.yaml
  hikyaku serve --data /var/lib/hikyaku`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := newLogger(env, level, format)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), env, file, flagValue(cmd, "data"), logger)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "config", "", env.t("configuration file (hikyaku.yaml)", "設定ファイル (hikyaku.yaml)"))
	fl.StringVar(&level, "log-level", "info", env.t("debug, info, warn or error", "debug、info、warn、error のいずれか"))
	fl.StringVar(&format, "log-format", "text", env.t("text or json", "text または json"))
	return cmd
}

func newLogger(env environment, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, invalid("--log-level", "%q is not debug, info, warn or error", level)
	}
	opts := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(env.stderr, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(env.stderr, opts)), nil
	}
	return nil, invalid("--log-format", "%q is not text or json", format)
}

// serve runs until ctx ends.
func serve(ctx context.Context, env environment, file, data string, logger *slog.Logger) error {
	began := time.Now()
	cfg, err := loadConfig(file, data)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	notifyReload(hup) // before anybody is told that the server is up: an unheard SIGHUP ends a process
	defer signal.Stop(hup)
	manager := newNotifier(env.getenv, logger)
	srv, err := startServer(ctx, cfg, logger)
	if err != nil {
		manager.tell(ctx, "STATUS="+err.Error())
		return err
	}
	logger.InfoContext(ctx, "server is up", slog.String("version", version), slog.String("console", srv.endpoints.Console),
		slog.String("api", srv.endpoints.API), slog.String("s3", srv.endpoints.S3), slog.String("data", cfg.Data))
	manager.tell(ctx, "READY=1", "STATUS=console at "+srv.endpoints.Console)
	guarded, unguard := context.WithCancel(ctx)
	var guard sync.WaitGroup
	guard.Go(func() {
		manager.guard(guarded, func(ctx context.Context) bool { return serverReady(ctx, srv.endpoints.Console) })
	})
	defer guard.Wait()
	defer unguard()
	banner := env.t("hikyaku %s is up after %s\n  console  %s\n  api      %s (SQS, DataSync)\n  s3       %s\n  data     %s\nUse it from another terminal:  %s\n",
		"hikyaku %s が起動しました (%s)\n  console  %s\n  api      %s (SQS、DataSync)\n  s3       %s\n  data     %s\n別の端末から使うには:  %s\n")
	fmt.Fprintf(env.stdout, banner, //nolint:errcheck // a closed terminal is no reason to stop
		version, time.Since(began).Round(time.Millisecond), srv.consoleLink(), srv.endpoints.API, srv.endpoints.S3, cfg.Data, envCommand(cfg.Data))
	for {
		select {
		case <-hup:
			manager.tell(ctx, "RELOADING=1")
			srv.reload(ctx, file, data)
			manager.tell(ctx, "READY=1")
		case err := <-srv.failed:
			manager.tell(ctx, "STOPPING=1", "STATUS="+err.Error())
			stopErr := srv.Stop(context.WithoutCancel(ctx))
			if stopErr != nil {
				logger.ErrorContext(ctx, "stop after failure", slog.String("error", stopErr.Error()))
			}
			return err
		case <-ctx.Done():
			logger.InfoContext(ctx, "draining, 10 s at most")
			manager.tell(ctx, "STOPPING=1", "STATUS=draining")
			return srv.Stop(context.WithoutCancel(ctx))
		}
	}
}
