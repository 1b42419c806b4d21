package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/cli"
)

// newEnvCommand returns hikyaku env. It reads endpoints.json and nothing else,
// so that it works for anybody who may read that file.
func newEnvCommand(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "env",
		Short: env.t("Print shell lines that point the AWS CLI, SDKs and hikyaku at the running server", "AWS CLI、SDK、hikyaku を動いているサーバーに向けるシェルの行を出力する"),
		Example: `  eval "$(hikyaku env)"
  aws s3 ls`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := readEndpoints(dataDir(cmd, env))
			if err != nil {
				return notFound(err)
			}
			vars := envVars(e)
			return printResult(env.stdout, outputFormat(cmd), asMap(vars), func(w io.Writer) error { return exportLines(w, vars) })
		},
	}
	return cmd
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

// exportLines writes POSIX shell. A session token or profile of the caller
// would win over the keys, so both are unset.
func exportLines(w io.Writer, vars []envVar) error {
	var b strings.Builder
	b.WriteString("unset AWS_SESSION_TOKEN AWS_PROFILE\n")
	for _, v := range vars {
		fmt.Fprintf(&b, "export %s='%s'\n", v.name, strings.ReplaceAll(v.value, "'", `'\''`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
