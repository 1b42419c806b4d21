package hikyaku

// operationEntries say what is wrong with queues, the server, its config and itself.
func operationEntries() []Entry {
	return []Entry{
		{
			Code: CodeQueueUnavailable, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "The queue does not answer",
				Cause:  "Network trouble, or the queue is gone.",
				Remedy: "Nothing to do if it passes; messages stay in the queue.",
			},
			Japanese: Text{
				Title:  "キューが応答しません",
				Cause:  "ネットワークの障害か、キューがありません。",
				Remedy: "一時的なら対処は不要です。メッセージはキューに残ります。",
			},
		},
		{
			Code: CodeQueueGaveUp, Kind: KindInvalid,
			English: Text{
				Title:  "The queue gave up on the message",
				Cause:  "It was received too often without being accepted, and the queue moved it away by itself.",
				Remedy: "Look for errors of that time in the log, then redrive.",
			},
			Japanese: Text{
				Title:  "キューがメッセージを諦めました",
				Cause:  "受け付けられないまま受信回数が上限に達し、キューが移しました。",
				Remedy: "その時刻のエラーをログで調べ、再投入してください。",
			},
		},
		{
			Code: CodeOutboxStuck, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "A notification cannot be sent",
				Cause:  "The dead-letter queue, or a target of completion events, refuses it or does not answer.",
				Remedy: "Check that the queue or webhook exists and may be written; it is tried again by itself. hikyaku show ID has what it answered.",
			},
			Japanese: Text{
				Title:  "通知を送れません",
				Cause:  "デッドレターキューまたは完了通知の送信先が受け付けないか、応答しません。",
				Remedy: "キューまたは Webhook の存在と権限を確認してください。自動で再試行されます。応答の内容は hikyaku show ID で確認できます。",
			},
		},
		{
			Code: CodeNoDeadLetterQueue, Kind: KindInvalid,
			English: Text{
				Title:  "There is no dead-letter queue",
				Cause:  "The queue has no redrive policy, so dead letters live in the ledger only.",
				Remedy: "Give the queue a dead-letter queue; hikyaku dlq works without one.",
			},
			Japanese: Text{
				Title:  "デッドレターキューがありません",
				Cause:  "キューに再投入ポリシーがなく、デッドレターは台帳だけにあります。",
				Remedy: "キューにデッドレターキューを設定してください。なくても hikyaku dlq は使えます。",
			},
		},
		{
			Code: CodeNotAccepted, Kind: KindTransient,
			English: Text{
				Title:  "The message was sent, but is not accepted yet",
				Cause:  "The function intake does not run, fails, or is far behind.",
				Remedy: "Nothing is lost: it waits in the queue. Look at the function's alarms and log, then at hikyaku transfers --id.",
			},
			Japanese: Text{
				Title:  "メッセージは送信済みですが、まだ受け付けられていません",
				Cause:  "関数 intake が動いていないか、失敗しているか、大きく遅れています。",
				Remedy: "メッセージは失われず、キューで待っています。関数のアラームとログを確認し、hikyaku transfers --id で調べてください。",
			},
		},
		{
			Code: CodeNoCompletion, Kind: KindConflict,
			English: Text{
				Title:  "There is no such completion event",
				Cause:  "The transfer has not ended yet, or the event named is not one that ended it.",
				Remedy: "See completion_events in hikyaku show ID -o json.",
			},
			Japanese: Text{
				Title:  "該当する完了通知がありません",
				Cause:  "転送がまだ終わっていないか、指定したイベントは転送を終えたものではありません。",
				Remedy: "hikyaku show ID -o json の completion_events を確認してください。",
			},
		},
		{
			Code: CodeNoTarget, Kind: KindInvalid,
			English: Text{
				Title:  "There is no such target of completion events",
				Cause:  "The configuration names no target of that name for the route, or none at all.",
				Remedy: "Add it under completions in hikyaku.yaml, or set one of the stack's completion parameters.",
			},
			Japanese: Text{
				Title:  "該当する完了通知の送信先がありません",
				Cause:  "設定には、そのルートにその名前の送信先がないか、送信先が一つもありません。",
				Remedy: "hikyaku.yaml の completions に追加するか、スタックの完了通知のパラメーターを設定してください。",
			},
		},
		{
			Code: CodeConfigInvalid, Kind: KindInvalid,
			English: Text{
				Title:  "The config is not valid",
				Cause:  "A key is unknown or a value cannot work; the message says where.",
				Remedy: "Correct the file.",
			},
			Japanese: Text{
				Title:  "設定が正しくありません",
				Cause:  "未知のキーか、成り立たない値があります。場所はメッセージにあります。",
				Remedy: "設定ファイルを直してください。",
			},
		},
		{
			Code: CodePortInUse, Kind: KindConflict,
			English: Text{
				Title:  "A port is in use",
				Cause:  "Another program listens on the address.",
				Remedy: "Stop it, or choose another address under listen (\":0\" takes any free port).",
			},
			Japanese: Text{
				Title:  "ポートが使用中です",
				Cause:  "別のプログラムがそのアドレスで待ち受けています。",
				Remedy: "それを止めるか、listen で別のアドレスを選んでください（\":0\" は空きポート）。",
			},
		},
		{
			Code: CodeFolderLocked, Kind: KindConflict,
			English: Text{
				Title:  "Another server uses the data folder",
				Cause:  "A running hikyaku holds its lock; the message says which process.",
				Remedy: "Stop that process, or choose another folder with --data.",
			},
			Japanese: Text{
				Title:  "データフォルダーは使用中です",
				Cause:  "動作中の hikyaku がロックしています。プロセスはメッセージにあります。",
				Remedy: "そのプロセスを止めるか、--data で別のフォルダーを選んでください。",
			},
		},
		{
			Code: CodeFolderNotWritable, Kind: KindDenied,
			English: Text{
				Title:  "The data folder cannot be written",
				Cause:  "Permissions, a read-only file system, or no space.",
				Remedy: "Correct it, or choose another folder with --data.",
			},
			Japanese: Text{
				Title:  "データフォルダーに書き込めません",
				Cause:  "権限、読み取り専用、または空き不足です。",
				Remedy: "直すか、--data で別のフォルダーを選んでください。",
			},
		},
		{
			Code: CodeLedgerUnreadable, Kind: KindInternal,
			English: Text{
				Title:  "The ledger cannot be opened",
				Cause:  "A file is damaged, or was written by a newer hikyaku.",
				Remedy: "Use the newer version, or restore the folder from a backup.",
			},
			Japanese: Text{
				Title:  "台帳を開けません",
				Cause:  "ファイルの破損か、新しい版の hikyaku が書いたものです。",
				Remedy: "新しい版を使うか、バックアップから戻してください。",
			},
		},
		{
			Code: CodeLocationCheck, Kind: KindNotFound,
			English: Text{
				Title:  "A location failed its check",
				Cause:  "A route's source or destination cannot be reached, read or written as needed.",
				Remedy: "The message says which and why.",
			},
			Japanese: Text{
				Title:  "ロケーションの検査に失敗しました",
				Cause:  "ルートの送り元か送り先に、必要な接続・読み取り・書き込みができません。",
				Remedy: "どれがなぜかはメッセージにあります。",
			},
		},
		{
			Code: CodeUnauthorized, Kind: KindDenied,
			English: Text{
				Title:  "The token or key is not accepted",
				Cause:  "It is missing, wrong, expired, or its scope does not allow the action.",
				Remedy: "Use eval \"$(hikyaku env)\", or ask for a token with the needed scope.",
			},
			Japanese: Text{
				Title:  "トークンまたは鍵が認められません",
				Cause:  "ないか、誤りか、期限切れか、権限の範囲外です。",
				Remedy: "eval \"$(hikyaku env)\" を使うか、必要な権限のトークンを発行してもらってください。",
			},
		},
		{
			Code: CodeServerUnreachable, Kind: KindTransient,
			English: Text{
				Title:  "The server does not answer",
				Cause:  "It is not running, or the address is wrong.",
				Remedy: "Start hikyaku serve, or check --url and --data.",
			},
			Japanese: Text{
				Title:  "サーバーが応答しません",
				Cause:  "起動していないか、アドレスが違います。",
				Remedy: "hikyaku serve を起動するか、--url と --data を確認してください。",
			},
		},
		{
			Code: CodeBandwidthRefused, Kind: KindInvalid,
			English: Text{
				Title:  "The bandwidth is not valid",
				Cause:  "It must be -1 (unlimited) or at least 1 byte per second.",
				Remedy: "Give a positive rate, or \"unlimited\".",
			},
			Japanese: Text{
				Title:  "帯域の値が正しくありません",
				Cause:  "-1（無制限）か、毎秒 1 バイト以上でなければなりません。",
				Remedy: "正の値か「無制限」を指定してください。",
			},
		},
		{
			Code: CodeSettingsInvalid, Kind: KindInvalid,
			English: Text{
				Title:  "The route's settings document is not valid",
				Cause:  "It is no JSON, a key is unknown or a value cannot work; the message says where. The last good version stays in force.",
				Remedy: "Correct the SSM parameter, or run hikyaku route pause, resume or limit again.",
			},
			Japanese: Text{
				Title:  "ルートの設定文書が正しくありません",
				Cause:  "JSON でないか、未知のキーか、成り立たない値があります。場所はメッセージにあります。直前の正しい版が有効なままです。",
				Remedy: "SSM パラメーターを直すか、hikyaku route pause・resume・limit をもう一度実行してください。",
			},
		},
	}
}

// internalEntries are the last.
func internalEntries() []Entry {
	return []Entry{
		{
			Code: CodeInternal, Kind: KindInternal, Retryable: true,
			English: Text{
				Title:  "Something inside hikyaku went wrong",
				Cause:  "This is a defect.",
				Remedy: "Please report it with hikyaku logs and the version.",
			},
			Japanese: Text{
				Title:  "hikyaku の内部で問題が起きました",
				Cause:  "これは不具合です。",
				Remedy: "hikyaku logs の出力と版を添えて報告してください。",
			},
		},
	}
}
