package console

import (
	"maps"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// phrase is one text in every language.
type phrase struct{ en, ja string }

func word(l Lang, key string) string {
	p, ok := words()[key]
	if !ok {
		return key
	}
	if l == LangJapanese {
		return p.ja
	}
	return p.en
}

// words are what console and command line say alike: states, reasons, phases,
// units, and the sentences of Explain. Verbs are in the same order in both.
var words = sync.OnceValue(func() map[string]phrase { //nolint:gochecknoglobals // a constant table, built once: every row asks it
	all := eventWords()
	maps.Copy(all, map[string]phrase{
		"unlimited": {"unlimited", "無制限"},
		"dur_ms":    {"%d ms", "%dミリ秒"},
		"dur_s1":    {"%.1f s", "%.1f秒"},
		"dur_s":     {"%d s", "%d秒"},
		"dur_min":   {"%d min %d s", "%d分%d秒"},
		"dur_h":     {"%d h %d min", "%d時間%d分"},
		"dur_d":     {"%d d %d h", "%d日%d時間"},

		"QUEUED":    {"queued", "待機中"},
		"STARTING":  {"starting", "開始処理中"},
		"RUNNING":   {"running", "実行中"},
		"SUCCEEDED": {"succeeded", "完了"},
		"FAILED":    {"failed", "失敗"},
		"CANCELLED": {"cancelled", "取消済み"},
		"REJECTED":  {"rejected", "受付拒否"},

		"phase_QUEUED":       {"queued at DataSync", "DataSyncで順番待ち"},
		"phase_LAUNCHING":    {"launching", "起動中"},
		"phase_PREPARING":    {"preparing", "準備中"},
		"phase_TRANSFERRING": {"transferring", "転送中"},
		"phase_VERIFYING":    {"verifying", "検証中"},
		"phase_CANCELLING":   {"cancelling", "取消処理中"},
		"phase_SUCCESS":      {"finished", "終了"},
		"phase_ERROR":        {"ended with an error", "エラーで終了"},

		"no_free_task":     {"every task of the pool is busy", "プールのタスクがすべて使用中"},
		"agent_offline":    {"no agent that could do it is online", "実行できるエージェントがオンラインでない"},
		"same_id_running":  {"the same ID, or one above or below it, is being delivered right now", "同じID、またはその上位・下位のIDを配送中"},
		"backing_off":      {"the last attempt failed and the next one is not due yet", "前回の試行が失敗し、次の試行時刻を待っている"},
		"route_paused":     {"the route is paused", "ルートが一時停止中"},
		"source_not_ready": {"its files are not complete at the source yet", "転送元のファイルがまだ揃っていない"},
		"throttled":        {"DataSync asks us to slow down", "DataSyncから速度制限を受けている"},
		"accepted_only":    {"it was accepted a moment ago", "受け付けた直後"},

		"do_no_free_task":     {"Nothing: it starts by itself. A larger pool shortens the wait.", "不要です。空き次第、自動で始まります。プールを増やすと待ち時間が短くなります。"},
		"do_agent_offline":    {"Bring the agent back: see `hikyaku agents`.", "エージェントを復旧してください（`hikyaku agents` で確認）。"},
		"do_same_id_running":  {"Nothing: it starts when that transfer ends.", "不要です。その転送が終わると始まります。"},
		"do_backing_off":      {"Nothing, or rerun it now if the cause is gone.", "不要です。原因が解消済みなら、すぐに再実行できます。"},
		"do_route_paused":     {"Resume the route when it may go on.", "再開してよければルートを再開してください。"},
		"do_source_not_ready": {"Check that the producer finished writing the files.", "送信元がファイルを書き終えたか確認してください。"},
		"do_throttled":        {"Nothing: it is tried again by itself.", "不要です。自動で再試行します。"},
		"do_accepted_only":    {"Nothing: it starts in a moment.", "不要です。まもなく始まります。"},
		"do_nothing":          {"Nothing.", "不要です。"},
		"do_wait":             {"Nothing: wait for it to finish.", "不要です。終わるのを待ってください。"},
		"do_cancelled":        {"Rerun it if it should be delivered after all.", "やはり配送する場合は再実行してください。"},
		"do_failed":           {"Remove the cause, then rerun it.", "原因を取り除いてから再実行してください。"},
		"do_rerun_then":       {"Every attempt is used: rerun it when the cause is gone.", "試行回数を使い切りました。原因を取り除いてから再実行してください。"},
		"do_rejected":         {"Send a corrected message, or discard the dead letter.", "正しいメッセージを送り直すか、デッドレターを破棄してください。"},

		// Answers. %[1]s is always the ID.
		"say_queued":          {"%[1]s has been waiting for %[2]s on route %[3]s because %[4]s.", "%[1]s はルート %[3]s で %[2]s待っています。理由: %[4]s。"},
		"say_queued_until":    {"Not before %s.", "%s 以降に再開します。"},
		"say_starting":        {"%[1]s is starting: a task is leased and DataSync was asked to run it.", "%[1]s は開始処理中です。タスクを確保し、DataSyncに実行を依頼しました。"},
		"say_running":         {"%[1]s is %[2]s: attempt %[3]d of %[4]d.", "%[1]s は%[2]sです（試行 %[3]d / %[4]d）。"},
		"say_running_counts":  {"%[2]s of %[3]s (%[1]d%%).", "%[3]s 中 %[2]s（%[1]d%%）。"},
		"say_running_rate":    {"%s, about %s left.", "%s、残り約%s。"},
		"say_running_cancel":  {"%[1]s is being cancelled.", "%[1]s は取消処理中です。"},
		"say_delivered":       {"%[1]s was delivered at %[2]s: %[3]d files and folders, %[4]s, in %[5]s.", "%[1]s は %[2]s に配送が完了しました（ファイルとフォルダー %[3]d件、%[4]s、所要 %[5]s）。"},
		"say_verified":        {"Every file was verified at the destination.", "すべてのファイルを転送先で検証済みです。"},
		"say_already_there":   {"%[1]s was already complete at the destination at %[2]s: %[3]d files and folders compared, none had to be copied.", "%[1]s は %[2]s の時点で転送先に揃っていました（ファイルとフォルダー %[3]d件を比較、コピーは不要）。"},
		"say_empty":           {"%[1]s had no files at %[2]s; its route allows that.", "%[1]s には %[2]s の時点でファイルがありませんでした（ルートの設定で許可）。"},
		"say_failed":          {"%[1]s failed at %[2]s after %[3]d of %[4]d attempts: %[5]s", "%[1]s は %[2]s に失敗しました（試行 %[3]d / %[4]d）: %[5]s"},
		"say_rejected":        {"%[1]s was rejected at %[2]s and never tried: %[3]s", "%[1]s は %[2]s に受付を拒否しました（未実行）: %[3]s"},
		"say_cancelled":       {"%[1]s was cancelled at %[2]s.", "%[1]s は %[2]s に取り消されました。"},
		"say_last_failure":    {"The last attempt failed: %s", "前回の試行の失敗理由: %s"},
		"say_unknown_failure": {"no reason was recorded", "理由は記録されていません"},
	})
	return all
})

// StateWord returns a state in words.
func StateWord(s string, l Lang) string { return word(l, s) }

// ReasonWord returns a waiting reason in words; unknown ones as they are.
func ReasonWord(reason string, l Lang) string { return word(l, reason) }

// justQueued is how long a transfer that nobody has looked at yet counts as
// accepted a moment ago.
const justQueued = 2 * time.Second

// waitingKey is the key of why a QUEUED transfer waits. Nothing recorded since
// it was queued a moment ago means that its turn has not come, not that the
// pool is busy.
func waitingKey(t hikyaku.Transfer, now time.Time) string {
	untouched := t.WaitingReason == hikyaku.NoFreeTask && t.UpdatedAt.Equal(t.QueuedAt) && now.Sub(t.QueuedAt) < justQueued
	if t.WaitingReason == "" || untouched {
		return "accepted_only"
	}
	return string(t.WaitingReason)
}

// WaitingWord says why a QUEUED transfer waits.
func WaitingWord(t hikyaku.Transfer, l Lang, now time.Time) string {
	return word(l, waitingKey(t, now))
}

// PhaseWord returns an execution status in words.
func PhaseWord(status string, l Lang) string {
	if status == "" {
		return ""
	}
	if s := word(l, "phase_"+status); s != "phase_"+status {
		return s
	}
	return status
}
