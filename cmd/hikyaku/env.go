package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/cli"
)

// newEnvCommand returns hikyaku env. It reads endpoints.json and nothing else,
// so that it works for anybody who may read that file.
func newEnvCommand(env environment) *cobra.Command {
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "env",
		Short: env.t("Print shell lines that point the AWS CLI and SDKs at the server", "AWS CLI、SDK、hikyaku の接続先を設定するシェルの行を出力する"),
		Long: env.t(`Print shell lines that point the AWS CLI, any SDK and hikyaku itself at the
server that runs on the data folder. They come from its endpoints.json alone.
With --wait a server that is just starting is waited for.`, `AWS CLI、SDK、hikyaku をデータフォルダのサーバーに向けるシェルの行を出力します。
読むのは endpoints.json だけです。--wait では起動中のサーバーを待ちます。`),
		Example: `  eval "$(hikyaku env)"
  hikyaku serve & eval "$(hikyaku env --wait)"; aws s3 ls`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout < 0 {
				return invalid("--timeout", "%s is negative", timeout)
			}
			e, err := readEndpoints(dataDir(cmd, env))
			if wait && err != nil {
				e, err = waitForEndpoints(cmd.Context(), dataDir(cmd, env), timeout)
			}
			if err != nil {
				return notFound(err)
			}
			vars := envVars(e)
			return printResult(env.stdout, outputFormat(cmd), asMap(vars), asRecords(vars), func(w io.Writer) error { return exportLines(w, vars) })
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, env.t("wait for a server that is starting", "起動中のサーバーを待つ"))
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, env.t("with --wait: give up after this long", "--wait で待つ時間の上限"))
	return cmd
}

// waitForEndpoints reads the endpoints as soon as a server has written them.
// The last failure to read them is the error when the time is over.
func waitForEndpoints(ctx context.Context, data string, timeout time.Duration) (cli.Endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		e, err := readEndpoints(data)
		if err == nil {
			return e, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return e, err
		}
	}
}

// envVar is one variable to export.
type envVar struct{ name, value string }

// envVars are the variables for a server.
func envVars(e cli.Endpoints) []envVar {
	return []envVar{
		{"AWS_ACCESS_KEY_ID", e.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", e.SecretAccessKey},
		{"AWS_REGION", e.Region},
		{"AWS_DEFAULT_REGION", e.Region}, // the AWS CLI reads only this one
		{"AWS_ENDPOINT_URL_S3", e.S3},
		{"AWS_ENDPOINT_URL_SQS", e.API},
		{"AWS_ENDPOINT_URL_DATASYNC", e.API},
		{"HIKYAKU_URL", e.Console},
		{"HIKYAKU_TOKEN", e.Token},
		{"HIKYAKU_QUEUE_URL", e.QueueURL},
		{"HIKYAKU_DLQ_URL", e.DLQURL},
	}
}

func asMap(vars []envVar) map[string]string {
	m := make(map[string]string, len(vars))
	for _, v := range vars {
		m[v.name] = v.value
	}
	return m
}

// envRecord is a variable as a record of CSV.
type envRecord struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func asRecords(vars []envVar) []envRecord {
	out := make([]envRecord, len(vars))
	for i, v := range vars {
		out[i] = envRecord{v.name, v.value}
	}
	return out
}

// exportLines writes POSIX shell. A session token or profile of the caller
// would win over the keys, so both are unset.
func exportLines(w io.Writer, vars []envVar) error {
	var b strings.Builder
	b.WriteString("unset AWS_SESSION_TOKEN AWS_PROFILE\n")
	for _, v := range vars {
		fmt.Fprintf(&b, "export %s=%s\n", v.name, shellQuote(v.value))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shellQuote is s as one word of a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// envCommand is what another terminal types to talk to the server on data.
func envCommand(data string) string {
	words := []string{program(), "env", "--data", data}
	for i, w := range words {
		if strings.ContainsAny(w, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
			words[i] = shellQuote(w)
		}
	}
	return `eval "$(` + strings.Join(words, " ") + `)"`
}
