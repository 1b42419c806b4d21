package cli

// commandPhrases are the texts of help.
func commandPhrases() map[string]phrase {
	return map[string]phrase{
		"root_short": {"Delivers files: an ID in, verified files out", "ファイル配送システム hikyaku（飛脚）"},
		"root_long": {
			"hikyaku delivers files: a message with an ID comes in, a DataSync task carries the ID's files, and they are verified where they arrive.\n\n" +
				"The commands find a running server by --data (default ./hikyaku-data), by --url and --token, or by HIKYAKU_URL and HIKYAKU_TOKEN.\n\n" + exitCodesEnglish,
			"hikyaku（飛脚）はファイルを配送します。IDを載せたメッセージを受け取り、そのIDのファイルをDataSyncタスクで運び、届いた先で検証します。\n\n" +
				"各コマンドは、--data（既定 ./hikyaku-data）、--url と --token、または環境変数 HIKYAKU_URL と HIKYAKU_TOKEN で、稼働中のサーバーに接続します。\n\n" + exitCodesJapanese,
		},
		"group_work":   {"Deliveries:", "配送:"},
		"group_system": {"What carries them:", "配送基盤:"},
		"group_server": {"Server and tools:", "サーバーとツール:"},

		"send_short": {"Send IDs to be delivered", "IDを送信して配送を依頼する"},
		"send_long": {
			"Sends IDs, as a message on the queue would. \"-\" reads IDs from stdin, one a line. With --wait the exit code tells the outcome.",
			"キューへのメッセージと同じように、IDの配送を依頼します。「-」は標準入力から1行に1つIDを読みます。--wait を付けると結果を終了コードで返します。",
		},
		"transfers_short": {"List transfers, newest first", "転送を新しい順に一覧する"},
		"transfers_long":  {"Lists transfers, newest first, with progress and why they are not done.", "転送を新しい順に一覧し、進捗と、完了していない理由を表示します。"},
		"show_short":      {"Say where an ID is, why, and what to do", "IDの現在地と理由、対処方法を表示する"},
		"show_long": {
			"Answers first: where the ID is, why it is not done, what to do. Then the facts, attempts and events. An ID means its newest transfer.",
			"IDが今どこにあり、なぜ完了していないか、何をすべきかを最初に答え、続けて詳細、試行、経過を表示します。IDを指定すると最新の転送が対象です。",
		},
		"watch_short": {"Watch transfers live", "転送をリアルタイムに表示する"},
		"watch_long": {
			"Shows changes as they happen: a live view on a terminal, lines elsewhere, one JSON record a line with -o json. With an ID it ends when the transfer does, and the exit code tells the outcome.",
			"変化をその場で表示します。端末では一覧を更新し、それ以外では1行ずつ、-o json では1行に1件のJSONを出力します。IDを指定すると、その転送が終わるまで待ち、結果を終了コードで返します。",
		},
		"logs_short":   {"Print what happened to an ID", "IDの経過を表示する"},
		"logs_long":    {"Prints a transfer's events, oldest first, and where the execution's log is.", "転送の経過を古い順に表示し、実行ログの場所を示します。"},
		"rerun_short":  {"Deliver again: IDs, or all that failed", "もう一度配送する（ID指定、または失敗分すべて）"},
		"rerun_long":   {"Makes a new attempt. What SUCCEEDED needs --force. --state, --error, --route and --since select many at once.", "もう一度配送を試みます。成功済みのものには --force が必要です。--state、--error、--route、--since でまとめて選べます。"},
		"cancel_short": {"Cancel transfers", "転送を取り消す"},
		"cancel_long":  {"Cancels the newest transfer of each ID. An execution that finishes meanwhile wins.", "各IDの最新の転送を取り消します。先に完了した場合は完了が優先されます。"},

		"pool_short":        {"Show the tasks and who holds them", "タスクのプールと使用状況を表示する"},
		"pool_long":         {"Shows each task of the pool: its state, the transfer that leases it and since when.", "プールの各タスクについて、状態、使用中の転送、使用時間を表示します。"},
		"bench_short":       {"Give a task no more work", "タスクへの割り当てを止める"},
		"unbench_short":     {"Give a benched task work again", "止めたタスクへの割り当てを再開する"},
		"agents_short":      {"Show the agents and when they were last heard of", "エージェントの状態と最終応答を表示する"},
		"dlq_short":         {"See and decide about dead letters", "デッドレターを確認・処理する"},
		"dlq_long":          {"Dead letters are messages and transfers that need a person. Listing them reads the ledger and burns no receive.", "デッドレターは、人の対応が必要なメッセージや転送です。一覧は台帳を読むため、受信回数を消費しません。"},
		"dlq_list_short":    {"List dead letters", "デッドレターを一覧する"},
		"dlq_show_short":    {"Show one, with the message as received", "受信したメッセージとともに表示する"},
		"dlq_redrive_short": {"Send dead letters round again", "デッドレターを再投入する"},
		"dlq_discard_short": {"Decide that nothing follows", "デッドレターを破棄する"},
		"told_short":        {"See and repeat completion events", "完了通知を確認・再送する"},
		"told_long": {
			"Webhooks and queues of the configuration are told when a transfer ends. An event is sent until it is taken, so it may come twice: the receiver knows it by its event ID.",
			"転送が終わると、設定した Webhook やキューに通知します。受け取られるまで送るため、同じ通知が二度届くことがあります。受信側はイベントIDで見分けられます。",
		},
		"told_list_short":   {"Show who was told that a transfer ended", "転送の終了を誰に通知したか表示する"},
		"told_resend_short": {"Send a completion event again", "完了通知を再送する"},
		"told_resend_long": {
			"Makes the completion event owed once more, with the event ID it has; what is owed already is tried at once. Without --event it is the last end of the transfer, without --target every target of its route.",
			"完了通知を同じイベントIDで再び送信待ちにします。送信待ちのものはすぐに試します。--event を省くと最後の終了、--target を省くとルートの全送信先が対象です。",
		},
		"route_short":        {"List, pause, resume and limit routes", "ルートの一覧・一時停止・再開・帯域制限"},
		"route_long":         {"Shows the routes and changes their hot settings. A new bandwidth reaches running executions.", "ルートを一覧し、稼働中の設定を変更します。帯域の変更は実行中の転送にも適用されます。"},
		"route_list_short":   {"List routes", "ルートを一覧する"},
		"route_pause_short":  {"Start nothing more on a route", "ルートを一時停止する"},
		"route_resume_short": {"Let a route go on", "ルートを再開する"},
		"route_limit_short":  {"Limit a route's bandwidth (10MiB, 500KB, unlimited)", "ルートの帯域を制限する（10MiB、500KB、unlimited）"},

		"completion_short": {"Print a completion script for a shell", "シェル補完スクリプトを出力する"},
		"completion_long":  {"Prints a script that completes commands, IDs, states, routes and error codes.", "コマンド、ID、状態、ルート、エラーコードを補完するスクリプトを出力します。"},
		"version_short":    {"Print the version", "バージョンを表示する"},
		"help_short":       {"Help about a command", "コマンドのヘルプを表示する"},

		"help_usage":    {"Usage:", "使い方:"},
		"help_command":  {"COMMAND", "コマンド"},
		"help_aliases":  {"Aliases:", "別名:"},
		"help_examples": {"Examples:", "例:"},
		"help_more":     {"More:", "その他:"},
		"help_commands": {"Commands:", "コマンド:"},
		"help_flags":    {"Flags:", "オプション:"},
		"help_global":   {"Flags of every command:", "共通オプション:"},
		"help_exit": {
			"Exit codes: 0 done, 1 internal, 2 usage, 3 some failed, 4 not found, 5 conflict, 6 busy, 7 try again, 8 denied, 9 corrupt, 10 wait timed out, 11 cancelled.",
			"終了コード: 0 完了、1 内部エラー、2 使い方の誤り、3 一部失敗、4 該当なし、5 競合、6 混雑、7 再試行可、8 拒否、9 破損、10 待ち時間切れ、11 取消。",
		},
	}
}

const exitCodesEnglish = `What exit codes mean, for every command:
   0  all as asked               6  busy: no free task
   1  internal error             7  temporary: try again
   2  wrong usage or input       8  denied
   3  some IDs or files failed   9  data corrupt
   4  not found                 10  waiting timed out
   5  conflict                  11  cancelled
show and transfers exit 0 when they could answer; watch ID and send --wait exit by the outcome.`

const exitCodesJapanese = `終了コードの意味（全コマンド共通）:
   0  すべて依頼どおり           6  混雑（空きタスクなし）
   1  内部エラー                 7  一時的な障害（再試行可）
   2  使い方・入力の誤り         8  権限なし・拒否
   3  一部のIDやファイルが失敗   9  データ破損
   4  該当なし                  10  待ち時間切れ
   5  競合                      11  取消
show と transfers は答えられれば 0、watch ID と send --wait は結果に応じた値を返します。`
