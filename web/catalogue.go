package web

import (
	"maps"
	"sync"
)

// phrase is one text in every language; verbs are in the same order in both.
type phrase struct{ en, ja string }

// Text returns the text of a key; a key without one is returned as it is,
// which a test holds impossible for keys that templates use.
func Text(l Lang, key string) string {
	p, ok := texts()[key]
	switch {
	case !ok:
		return key
	case l == Japanese:
		return p.ja
	}
	return p.en
}

// texts are built once and never changed.
var texts = sync.OnceValue(func() map[string]phrase { //nolint:gochecknoglobals // a constant table
	all := map[string]phrase{}
	for _, part := range []map[string]phrase{frameTexts(), pageTexts(), workTexts(), accessTexts(), auditTexts(), noticeTexts()} {
		maps.Copy(all, part)
	}
	return all
})

// frameTexts are those of the frame, of lists, actions and single transfers.
func frameTexts() map[string]phrase {
	return map[string]phrase{
		"skip":          {"Skip to the content", "本文へ移動"},
		"problem_title": {"That did not work", "処理できませんでした"},

		"nav_label":      {"Pages", "ページ"},
		"nav_transfers":  {"Transfers", "転送"},
		"nav_now":        {"Now", "現在"},
		"nav_errors":     {"Errors", "エラー"},
		"nav_agents":     {"Agents", "エージェント"},
		"nav_audit":      {"Audit", "監査"},
		"nav_dlq":        {"Dead letters", "デッドレター"},
		"nav_pool":       {"Routes and pool", "ルートとプール"},
		"theme":          {"Light or dark", "明暗の切り替え"},
		"other_language": {"日本語", "English"},
		"live":           {"Live", "ライブ"},
		"stale":          {"Not live, reconnecting", "切断中・再接続しています"},
		"ago_s":          {"%s s old", "%s秒前"},
		"age_units":      {" d , h , min , s", "日,時間,分,秒"},
		"loaded":         {"As loaded", "読み込み時点"},
		"key_search":     {"search", "検索"},
		"key_move":       {"move", "移動"},
		"key_open":       {"open", "開く"},
		"search":         {"Search transfers", "転送を検索"},
		"search_hint":    {"ID, file path, transfer, execution ARN or error text", "ID、ファイルのパス、転送ID、実行ARN、エラー文で検索"},
		// where the ledger has no index of texts
		"search_hint_prefix": {"ID (from its beginning), transfer, execution ARN or error code", "ID（前方一致）、転送ID、実行ARN、エラーコードで検索"},
		"filter_state":       {"States", "状態"},
		"all":                {"All", "すべて"},
		"remove_filter":      {"Remove this filter", "この条件を外す"},
		"filter_route":       {"Route", "ルート"},
		"filter_id":          {"ID", "ID"},
		"filter_error":       {"Error", "エラー"},
		"filter_since":       {"Since", "以降"},
		"filter_until":       {"Until", "以前"},
		"nothing_found":      {"No transfer matches. Remove a filter, or check the ID's spelling.", "該当する転送はありません。条件を外すか、IDの綴りを確認してください。"},
		"nothing_yet":        {"Nothing has been sent yet. Send an ID to the queue, or: hikyaku send ID", "まだ何も送信されていません。キューにIDを送るか、hikyaku send ID を実行してください。"},
		"older":              {"Older transfers", "以前の転送"},
		"say_ended":          {"%1 is now %2", "%1 は%2になりました"},

		"col_where": {"State", "状態"},
		"col_what":  {"What happens", "状況"},
		"col_files": {"Files", "ファイル"},
		"col_size":  {"Size", "サイズ"},
		"col_age":   {"Age", "経過"},
		"col_act":   {"Actions", "操作"},
		"attempt":   {"attempt", "試行"},

		"do_rerun":        {"Rerun", "再実行"},
		"do_force":        {"Deliver again", "もう一度配送"},
		"do_cancel":       {"Cancel", "取消"},
		"do_redrive":      {"Redrive", "再投入"},
		"do_redrive_all":  {"Redrive all", "すべて再投入"},
		"do_discard":      {"Discard", "破棄"},
		"do_pause":        {"Pause", "一時停止"},
		"do_resume":       {"Resume", "再開"},
		"do_bench":        {"Bench", "割当停止"},
		"do_unbench":      {"Unbench", "割当再開"},
		"ask_rerun":       {"Rerun %s?", "%s を再実行しますか？"},
		"ask_force":       {"Deliver %s again, although it succeeded?", "%s は成功済みです。もう一度配送しますか？"},
		"ask_cancel":      {"Cancel %s?", "%s を取り消しますか？"},
		"ask_redrive":     {"Send %s round again?", "%s を再投入しますか？"},
		"ask_redrive_all": {"Send every dead letter round again?%s", "すべてのデッドレターを再投入しますか？%s"},
		"ask_discard":     {"Discard the dead letter of %s? Nothing will follow.", "%s のデッドレターを破棄しますか？以後は処理されません。"},
		"ask_pause":       {"Pause route %s? What runs goes on.", "ルート %s を一時停止しますか？実行中のものは続きます。"},
		"ask_resume":      {"Resume route %s?", "ルート %s を再開しますか？"},
		"ask_bench":       {"Give task %s no more work?", "タスク %s への割り当てを止めますか？"},
		"ask_unbench":     {"Give task %s work again?", "タスク %s への割り当てを再開しますか？"},
		"reason":          {"Why (kept in the record)", "理由（記録に残ります）"},
		"reason_hint":     {"optional", "任意"},
		"back":            {"Back", "戻る"},
		"confirm":         {"Yes, do it", "実行する"},

		"routes":       {"Routes", "ルート"},
		"route":        {"Route", "ルート"},
		"agents":       {"Agents", "エージェント"},
		"agent":        {"Agent", "エージェント"},
		"tasks":        {"Tasks of the pool", "プールのタスク"},
		"paused":       {"paused", "一時停止"},
		"online":       {"online", "オンライン"},
		"offline":      {"offline", "オフライン"},
		"pool_dots":    {"%d tasks idle, %d in use, %d benched", "タスク: 空き%d、使用中%d、停止中%d"},
		"route_counts": {"%d waiting, %d running", "待機%d、実行中%d"},
		"oldest":       {"oldest %s", "最長%s"},
		"agent_line":   {"heard of %s ago · load %s", "最終応答 %s前 · 使用 %s"},
		"no_routes":    {"No routes are configured.", "ルートが設定されていません。"},
		"no_agents":    {"No agents.", "エージェントはありません。"},
		"no_tasks":     {"The pool has no tasks.", "プールにタスクがありません。"},
		"queued":       {"Waiting", "待機"},
		"running":      {"Running", "実行中"},
		"failed":       {"Failed", "失敗"},
		"bandwidth":    {"Bandwidth", "帯域"},
		"verify":       {"Verification", "検証"},
		"held_by":      {"Held by", "使用中の転送"},
		"last_contact": {"Last heard of", "最終応答"},
		"load":         {"Load", "使用"},
		"platform":     {"Platform", "環境"},
		"since":        {"for %s", "%s継続"},
		"ago":          {"%s ago", "%s前"},

		"dlq_hint":  {"These need a person: remove the cause and send them round again, or discard them. Looking costs nothing.", "人の対応が必要なものです。原因を取り除いて再投入するか、破棄してください。表示しても受信回数は消費しません。"},
		"dlq_empty": {"No dead letters. Nothing needs you.", "デッドレターはありません。対応は不要です。"},

		"todo":          {"What to do", "対処"},
		"timeline":      {"What happened", "経過"},
		"no_events":     {"Nothing recorded.", "記録はありません。"},
		"facts":         {"Facts", "詳細"},
		"attempts":      {"Attempts", "試行"},
		"result":        {"Result", "結果"},
		"started":       {"Started", "開始"},
		"took":          {"Took", "所要"},
		"mode":          {"Mode", "方式"},
		"error":         {"Error", "エラー"},
		"files":         {"Files", "ファイル"},
		"path":          {"Path", "パス"},
		"checksums":     {"Checksums, source and destination", "チェックサム（転送元・転送先）"},
		"no_files":      {"No file is recorded.", "記録されたファイルはありません。"},
		"files_more":    {"%d of %d files and folders are shown, failed ones first.", "%d件を表示しています（ファイルとフォルダーは全%d件、失敗したものが先頭）。"},
		"files_unknown": {"Results per file are not kept here.", "ファイルごとの結果は保存されていません。"},
		"others":        {"Other transfers of this ID", "このIDの他の転送"},
		"body":          {"The message as received", "受信したメッセージ"},
		"raw":           {"Raw JSON", "JSON"},

		"fact_transfer":    {"Transfer", "転送ID"},
		"fact_route":       {"Route", "ルート"},
		"fact_try":         {"Attempt", "試行"},
		"fact_files":       {"Files", "ファイル"},
		"fact_bytes":       {"Bytes", "サイズ"},
		"fact_rate":        {"Rate", "速度"},
		"fact_task":        {"Task", "タスク"},
		"fact_execution":   {"Execution", "実行"},
		"fact_agents":      {"Agents", "エージェント"},
		"fact_message":     {"Message", "メッセージ"},
		"fact_key":         {"Key", "キー"},
		"fact_dead_letter": {"Dead letter", "デッドレター"},
		"letter_owed":      {"dead letter not sent yet", "デッドレター送信待ち"},
		"letter_sent":      {"dead letter sent", "デッドレター送信済み"},
		"letter_redriven":  {"redriven", "再投入済み"},
		"letter_discarded": {"discarded", "破棄済み"},
		"fact_error":       {"Error", "エラー"},
		"fact_detail":      {"Detail", "詳細"},
		"fact_log":         {"Log", "ログ"},
		"files_of":         {"%d in all · %d transferred · %d verified · %d skipped · %d failed", "全%d · 転送%d · 検証%d · スキップ%d · 失敗%d"},
		"bytes_of":         {"%s in all · %s transferred · %s written", "全%s · 転送%s · 書込%s"},

		"event_accepted":         {"Accepted", "受け付けました"},
		"event_rejected":         {"Rejected", "受付を拒否しました"},
		"event_joined":           {"A later message joined", "後続のメッセージをまとめました"},
		"event_duplicate":        {"The same message came again", "同じメッセージが再度届きました"},
		"event_looked":           {"Found at the source", "転送元を確認しました"},
		"event_waiting":          {"Waits: %s", "待機: %s"},
		"event_assigned":         {"Leased a task", "タスクを確保しました"},
		"event_started":          {"Execution started", "実行を開始しました"},
		"event_adopted":          {"Took over a running execution", "実行中のものを引き継ぎました"},
		"event_phase":            {"Phase: %s", "段階: %s"},
		"event_stalled":          {"No progress: the execution is stopped", "進捗がないため実行を止めます"},
		"event_attempt_ended":    {"The attempt ended; tried again", "試行が終わり、再試行します"},
		"event_cancel_requested": {"Cancellation asked for", "取消が要求されました"},
		"event_succeeded":        {"Succeeded", "完了しました"},
		"event_failed":           {"Failed", "失敗しました"},
		"event_cancelled":        {"Cancelled", "取り消されました"},
		"event_rerun":            {"Sent round again", "再実行されました"},
		"event_discarded":        {"Dead letter discarded", "デッドレターを破棄しました"},
		"event_notified":         {"Others were told", "通知しました"},

		"task_IDLE":     {"idle", "空き"},
		"task_LEASED":   {"in use", "使用中"},
		"task_BENCHED":  {"benched", "停止中"},
		"task_DRAINING": {"draining", "終了待ち"},

		"outcome_delivered":  {"Delivered in %s", "%sで配送完了"},
		"outcome_verified":   {"every file verified", "全ファイル検証済み"},
		"outcome_already":    {"Was already complete at the destination", "転送先に揃っていました"},
		"outcome_empty":      {"Had no files, which the route allows", "ファイルなし（ルートで許可）"},
		"starting":           {"A task is leased, the execution is asked for", "タスクを確保し、実行を依頼しました"},
		"cancelling":         {"Is being cancelled", "取消処理中です"},
		"until":              {"not before %s", "%s以降"},
		"remaining":          {"%s left", "残り%s"},
		"alert_agents":       {"%d of %d agents are offline: what needs them waits.", "エージェント%d台（全%d台）がオフラインです。必要とする転送は待機します。"},
		"alert_dead_letters": {"Dead letters that wait for a person: %s.", "デッドレター%s件が対応待ちです。"},
		"alert_oldest":       {"Route %s: the oldest transfer has waited for %s.", "ルート %s: 最も古い転送が%s待っています。"},
	}
}
