package cli

import (
	"fmt"
	"maps"

	"github.com/hikyaku/hikyaku/console"
)

// phrase is one text in every language; verbs are in the same order in both.
type phrase struct{ en, ja string }

func text(l console.Lang, key string) string {
	p, ok := phrases()[key]
	switch {
	case !ok:
		return key
	case l == console.LangJapanese:
		return p.ja
	}
	return p.en
}

func (a *app) t(key string, args ...any) string {
	s := text(a.lang, key)
	if len(args) > 0 {
		return fmt.Sprintf(s, args...)
	}
	return s
}

// phrases is every text of the command line.
func phrases() map[string]phrase {
	all := commandPhrases()
	maps.Copy(all, flagPhrases())
	maps.Copy(all, outputPhrases())
	maps.Copy(all, livePhrases())
	maps.Copy(all, auditPhrases())
	return all
}

func flagPhrases() map[string]phrase {
	return map[string]phrase{
		"flag_output":      {"output format: table, json or csv", "出力形式: table、json、csv"},
		"flag_query":       {"JMESPath expression on the JSON of the result, as in the AWS CLI", "結果のJSONに適用するJMESPath式（AWS CLIと同じ）"},
		"flag_url":         {"address of the console (HIKYAKU_URL)", "コンソールのURL（HIKYAKU_URL）"},
		"flag_token":       {"access token (HIKYAKU_TOKEN)", "アクセストークン（HIKYAKU_TOKEN）"},
		"flag_data":        {"data folder of a running server, read for address and token (default ./hikyaku-data)", "稼働中サーバーのデータフォルダー。接続先とトークンを読み取ります（既定: ./hikyaku-data）"},
		"flag_stack":       {"talk to this AWS stack, with your own AWS credentials", "このAWSスタックに、自分のAWS認証情報で接続する"},
		"flag_profile":     {"with --stack: the AWS profile", "--stack で使うAWSプロファイル"},
		"flag_region":      {"with --stack: the AWS region", "--stack で使うAWSリージョン"},
		"flag_lang":        {"language: en or ja (HIKYAKU_LANG, LC_ALL, LANG)", "言語: en または ja（HIKYAKU_LANG、LC_ALL、LANG）"},
		"flag_help":        {"show this help", "このヘルプを表示"},
		"flag_route":       {"the route to use; needed only where the server cannot tell", "使用するルート（サーバーが判断できる場合は不要）"},
		"flag_route_only":  {"only this route", "このルートのみ"},
		"flag_key":         {"your own token: the same key is accepted once", "冪等キー。同じキーの送信は一度だけ受け付けます"},
		"flag_path":        {"only this file below the ID; may be repeated", "ID配下のこのファイルのみ（繰り返し指定可）"},
		"flag_wait":        {"wait until everything ended; the exit code tells the outcome", "すべて終わるまで待ち、結果を終了コードで返す"},
		"flag_timeout":     {"give up waiting after this long, with exit code 10 (like 10m)", "待つ時間の上限。超えると終了コード10（例: 10m）"},
		"flag_state":       {"only these states, in any case (queued, starting, running, succeeded, failed, cancelled, rejected)", "この状態のみ。大文字小文字は不問（queued, starting, running, succeeded, failed, cancelled, rejected）"},
		"flag_error":       {"only this error code", "このエラーコードのみ"},
		"flag_since":       {"only accepted since: a time, a date, or an age (24h, 7d)", "この時刻以降に受け付けたもの。時刻、日付、または経過時間（24h, 7d）"},
		"flag_until":       {"only accepted before", "この時刻より前に受け付けたもの"},
		"flag_limit":       {"at most this many; 0 is all", "最大件数。0は全件"},
		"flag_id":          {"only this ID", "このIDのみ"},
		"flag_search":      {"only with this text in ID, path of a file, transfer ID, execution ARN or error; on a stack, IDs that begin with it", "ID、ファイルのパス、転送ID、実行ARN、エラー文にこの文字列を含むもの（スタックではIDの前方一致）"},
		"flag_watch":       {"go on showing changes", "変化を表示し続ける"},
		"flag_reason":      {"why; kept in the record", "理由（記録に残ります）"},
		"flag_event":       {"event ID, or its number (see events list); default: the last", "イベントIDまたはその番号（events list を参照）。省略時は最後のもの"},
		"flag_target":      {"name of the target; default: all of the route", "送信先の名前。省略時はルートのすべて"},
		"told_title":       {"Completion events", "完了通知"},
		"told_nobody":      {"Nobody was told of it, and nobody is owed it.", "通知した相手も、送信待ちの相手もありません。"},
		"told_resend_done": {"The completion event of %s (%s) is owed once more.", "%s (%s) の完了通知を送信待ちにしました。"},
		"err_event":        {"%q is not an event of transfer %s", "%q は転送 %s のイベントではありません"},
		"col_target":       {"TARGET", "送信先"},
		"col_event":        {"EVENT", "イベント"},
		"col_tries":        {"TRIES", "試行"},
		"col_sent":         {"SENT", "送信"},
		"col_next":         {"NEXT TRY", "次の試行"},
		"flag_force":       {"also rerun what SUCCEEDED", "成功済みでも再実行する"},
		"flag_all":         {"all that wait for a person", "対応待ちのものすべて"},
		"flag_dead_letter": {"only owed, sent, redriven or discarded ones; default is what waits for a person", "owed、sent、redriven、discarded のいずれか（既定: 対応待ちのもの）"},
	}
}

func outputPhrases() map[string]phrase {
	return map[string]phrase{
		"error_prefix":  {"error:", "エラー:"},
		"remedy_prefix": {"what to do:", "対処方法:"},
		"todo_prefix":   {"What to do:", "対処:"},

		"err_output":          {"--output must be table, json or csv, not %s", "--output は table、json、csv のいずれかを指定してください: %s"},
		"err_flag":            {"%s (see %s --help)", "オプションが正しくありません: %s（%s --help を参照）"},
		"err_lang":            {"--lang must be en or ja, not %s", "--lang は en か ja を指定してください: %s"},
		"err_url":             {"%s is not an http or https address", "%s は http または https のアドレスではありません"},
		"err_utf8":            {"the ID %s is not valid UTF-8", "ID %s は正しいUTF-8ではありません"},
		"err_command":         {"there is no command %s; see %s --help", "コマンド %s はありません。%s --help を参照してください"},
		"err_command_near":    {"there is no command %s; did you mean %s?", "コマンド %s はありません。もしかして: %s"},
		"err_args":            {"wrong number of arguments; usage: %s", "引数の数が正しくありません。使い方: %s"},
		"err_stack_or_server": {"--stack is for an AWS deployment; leave out --url, --token and --data", "--stack はAWSスタック用です。--url、--token、--data は指定しないでください"},
		"err_no_stack":        {"--profile and --region need --stack", "--profile と --region には --stack が必要です"},
		"err_no_server":       {"no running server found: %s does not exist", "稼働中のサーバーが見つかりません（%s がありません）"},
		"err_timeout_wait":    {"--timeout needs --wait", "--timeout には --wait が必要です"},
		"err_no_ids":          {"no IDs were given", "IDが指定されていません"},
		"err_limit":           {"--limit must not be negative", "--limit に負の数は指定できません"},
		"err_no_transfer":     {"there is no transfer of %s", "%s の転送はありません"},
		"err_no_dead_letter":  {"%s has no dead letter", "%s のデッドレターはありません"},
		"err_ids_or_state":    {"give IDs, or select with --state, --error, --route, --since; not both, not neither", "IDか、--state・--error・--route・--since による選択の、どちらか一方を指定してください"},
		"err_ids_or_all":      {"give IDs or --all; not both, not neither", "IDか --all の、どちらか一方を指定してください"},
		"err_wait_timeout":    {"%d not ended after %s; they go on without us", "%d件が %s 以内に終わりませんでした（転送は続いています）"},
		"err_shell":           {"no completion for %s; one of %s", "%s の補完はありません。次から選んでください: %s"},

		"no_transfers":    {"No transfers.", "該当する転送はありません。"},
		"more_transfers":  {"The newest %d; --limit shows more.", "新しい順に%d件。続きは --limit で表示できます。"},
		"no_tasks":        {"The pool has no tasks.", "プールにタスクがありません。"},
		"no_agents":       {"There are no agents.", "エージェントがありません。"},
		"no_dead_letters": {"No dead letters wait for a person.", "対応待ちのデッドレターはありません。"},
		"refused":         {"refused", "拒否"},
		"online":          {"online", "オンライン"},
		"offline":         {"OFFLINE", "オフライン"},
		"open":            {"open", "稼働"},
		"paused":          {"paused", "一時停止"},
		"by":              {"by %s", "実行者: %s"},
		"left":            {"%s left", "残り%s"},
		"log_at":          {"Log: %s", "ログ: %s"},
		"files_of":        {"%d in all, %d transferred, %d verified, %d skipped, %d failed", "全%d件、転送%d、検証%d、スキップ%d、失敗%d"},
		"bytes_of":        {"%s in all, %s transferred, %s written", "全%s、転送%s、書込%s"},

		"outcome_":              {"", ""},
		"outcome_delivered":     {"delivered", "配送済み"},
		"outcome_already_there": {"was already there", "転送先に揃っていた"},
		"outcome_empty":         {"had no files", "ファイルなし"},

		"route_is_paused":   {"Route %s is paused. %s", "ルート %s は一時停止中です。%s"},
		"route_pause_done":  {"Route %s is paused: nothing more starts, what runs goes on.", "ルート %s を一時停止しました。新しい転送は始まりません（実行中のものは続きます）。"},
		"route_resume_done": {"Route %s goes on.", "ルート %s を再開しました。"},
		"route_limit_done":  {"Route %s is limited to %s, running executions included.", "ルート %s の帯域を %s にしました（実行中の転送にも適用）。"},
		"bench_done":        {"%s gets no more work.", "%s への割り当てを止めました。"},
		"unbench_done":      {"%s gets work again.", "%s への割り当てを再開しました。"},
		"dlq_redrive_done":  {"%d dead letters sent round again.", "デッドレター%d件を再投入しました。"},
		"dlq_discard_done":  {"%d dead letters discarded, %d could not be.", "デッドレター%d件を破棄しました（失敗%d件）。"},

		"attempts_title": {"Attempts", "試行"},
		"events_title":   {"What happened", "経過"},
		"body_title":     {"The message as received", "受信したメッセージ"},

		"col_id":          {"ID", "ID"},
		"col_transfer":    {"TRANSFER", "転送ID"},
		"col_route":       {"ROUTE", "ルート"},
		"col_state":       {"STATE", "状態"},
		"col_why":         {"WHY", "内容"},
		"col_age":         {"AGE", "経過"},
		"col_files":       {"FILES", "ファイル数"},
		"col_size":        {"SIZE", "サイズ"},
		"col_progress":    {"DONE", "進捗"},
		"col_try":         {"TRY", "試行"},
		"col_started":     {"STARTED", "開始"},
		"col_took":        {"TOOK", "所要"},
		"col_result":      {"RESULT", "結果"},
		"col_task":        {"TASK", "タスク"},
		"col_agent":       {"AGENT", "エージェント"},
		"col_status":      {"STATUS", "状況"},
		"col_since":       {"SINCE", "継続"},
		"col_contact":     {"LAST CONTACT", "最終応答"},
		"col_busy":        {"BUSY", "使用"},
		"col_platform":    {"PLATFORM", "環境"},
		"col_tasks":       {"TASKS", "タスク"},
		"col_when":        {"WHEN", "日時"},
		"changes_title":   {"Last changes", "最近の変化"},
		"col_today":       {"TODAY", "本日"},
		"col_file":        {"FILE", "ファイル"},
		"col_rate":        {"RATE", "速度"},
		"col_checksum":    {"CHECKSUM", "チェックサム"},
		"no_files":        {"No file is like that.", "該当するファイルはありません。"},
		"no_file_results": {"Results per file are not available: nothing has run, or they are not kept.", "ファイルごとの結果はありません（未実行、または保存されていません）。"},
		"more_files":      {"There are more: --files-token %s", "続きがあります: --files-token %s"},
		"flag_files":      {"show the results per file of the last attempt", "最後の試行のファイルごとの結果を表示する"},
		"flag_file_state": {"with --files, only those in this state: verified, transferred, skipped or failed", "--files で、この状態のファイルだけ（verified、transferred、skipped、failed）"},
		"flag_file_limit": {"with --files, how many at most", "--files で表示する最大件数"},
		"flag_file_token": {"with --files, go on where a page ended", "--files で前のページの続きから表示する"},
		"col_today_bytes": {"BYTES TODAY", "本日の容量"},
		"col_source":      {"SOURCE", "転送元"},
		"col_destination": {"DESTINATION", "転送先"},
		"col_pool":        {"POOL", "プール"},
		"col_limit":       {"LIMIT", "帯域"},
		"col_queued":      {"QUEUED", "待機"},
		"col_running":     {"RUNNING", "実行"},
		"col_dead_letter": {"DEAD LETTER", "デッドレター"},

		"fact_id":          {"ID", "ID"},
		"fact_transfer":    {"Transfer", "転送ID"},
		"fact_route":       {"Route", "ルート"},
		"fact_state":       {"State", "状態"},
		"fact_try":         {"Attempt", "試行"},
		"fact_files":       {"Files", "ファイル"},
		"fact_bytes":       {"Bytes", "サイズ"},
		"fact_accepted":    {"Accepted", "受付"},
		"fact_started":     {"Started", "開始"},
		"fact_ended":       {"Ended", "終了"},
		"fact_task":        {"Task", "タスク"},
		"fact_execution":   {"Execution", "実行"},
		"fact_agents":      {"Agents", "エージェント"},
		"fact_message":     {"Message", "メッセージ"},
		"fact_dead_letter": {"Dead letter", "デッドレター"},
		"fact_log":         {"Log", "ログ"},
		"fact_error":       {"Error", "エラー"},
		"fact_detail":      {"Detail", "詳細"},
	}
}
