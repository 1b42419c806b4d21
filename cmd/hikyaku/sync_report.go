package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/engine"
)

// text writes the report for people.
func (r *syncReport) text(env environment, w io.Writer) error {
	var b strings.Builder
	for _, p := range r.Planned {
		action, path, _ := strings.Cut(p, " ")
		fmt.Fprintf(&b, "%s %s\n", planned(env, engine.Action(action)), console.Printable(path))
	}
	failed := env.t("failed", "失敗")
	for _, e := range r.Errors {
		fmt.Fprintf(&b, "%s  %s  %s: %s\n", failed, console.Printable(e.Path), e.Code, e.Message)
	}
	if more := r.ErrorCount - int64(len(r.Errors)); more > 0 {
		fmt.Fprintf(&b, env.t("%s  … and %d more\n", "%s  … ほか %d 件\n"), failed, more)
	}
	format := env.t("%d transferred (%s), %d verified, %d unchanged, %d deleted, %d failed in %s",
		"転送 %d (%s)、検証 %d、変更なし %d、削除 %d、失敗 %d、所要 %s")
	files, bytes := r.Files.Transferred, r.Bytes.Written
	if r.DryRun {
		format = env.t("%d to transfer (%s), %d verified, %d unchanged, %d deleted, %d failed in %s",
			"転送予定 %d (%s)、検証 %d、変更なし %d、削除 %d、失敗 %d、所要 %s")
		files, bytes = max(files, r.Files.Total), max(bytes, r.Bytes.Total)
	}
	fmt.Fprintf(&b, format, files, humanize.IBytes(uint64(bytes)), //nolint:gosec // counters are never negative
		r.Files.Verified, r.Files.Skipped, r.Deleted, r.ErrorCount, time.Duration(r.DurationsMS["total"])*time.Millisecond)
	if r.Rate > 0 {
		fmt.Fprintf(&b, env.t(", %s/s", "、毎秒 %s"), humanize.IBytes(uint64(r.Rate)))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// planned says what a dry run would do with an item.
func planned(env environment, a engine.Action) string {
	switch a {
	case engine.ActionTransferred:
		return env.t("would be transferred", "転送予定")
	case engine.ActionDeleted:
		return env.t("would be deleted", "削除予定")
	case engine.ActionSkipped:
		return env.t("would be skipped", "スキップ予定")
	case engine.ActionFailed, engine.ActionVerified:
	}
	return string(a)
}
