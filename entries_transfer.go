package hikyaku

// transferEntries say how executions and transfers fail.
func transferEntries() []Entry {
	return []Entry{
		{
			Code: CodeExecutionFailed, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "The execution failed",
				Cause:  "DataSync ended it with an error that hikyaku does not know.",
				Remedy: "Read the detail and the execution's log.",
			},
			Japanese: Text{
				Title:  "実行が失敗しました",
				Cause:  "DataSync が、hikyaku の知らないエラーで終わらせました。",
				Remedy: "詳細と実行のログを読んでください。",
			},
		},
		{
			Code: CodeThrottled, Kind: KindTransient, Retryable: true, Free: true,
			English: Text{
				Title:  "DataSync or the storage asks to slow down",
				Cause:  "Too many requests in a short time.",
				Remedy: "Nothing to do: hikyaku waits and goes on. If it lasts, ask for a higher quota.",
			},
			Japanese: Text{
				Title:  "要求が多すぎると言われました",
				Cause:  "短時間に要求が集中しました。",
				Remedy: "対処は不要です。待ってから続けます。続く場合は上限の引き上げを申請してください。",
			},
		},
		{
			Code: CodeServerFault, Kind: KindTransient, Retryable: true, Free: true,
			English: Text{
				Title:  "The mover had a fault of its own",
				Cause:  "It ran out of memory or met an internal error.",
				Remedy: "Look at the server's log.",
			},
			Japanese: Text{
				Title:  "実行側の内部障害です",
				Cause:  "メモリー不足、または内部エラーです。",
				Remedy: "サーバーのログを確認してください。",
			},
		},
		{
			Code: CodeStoppedElsewhere, Kind: KindConflict,
			English: Text{
				Title:  "Someone else cancelled the execution",
				Cause:  "It was cancelled through DataSync, not through hikyaku.",
				Remedy: "Rerun the transfer if it is still wanted; cancel with hikyaku cancel.",
			},
			Japanese: Text{
				Title:  "実行が外から取り消されました",
				Cause:  "hikyaku ではなく DataSync の側で取り消されました。",
				Remedy: "まだ必要なら再実行してください。取り消しには hikyaku cancel を使います。",
			},
		},
		{
			Code: CodeWrongState, Kind: KindConflict,
			English: Text{
				Title:  "The transfer's state does not allow that",
				Cause:  "It moved on in the meantime, or has already ended.",
				Remedy: "Look at it with hikyaku show, then decide again.",
			},
			Japanese: Text{
				Title:  "転送の状態に合わない操作です",
				Cause:  "その間に状態が進んだか、すでに終わっています。",
				Remedy: "hikyaku show で確認し、改めて判断してください。",
			},
		},
		{
			Code: CodeForceNeeded, Kind: KindConflict,
			English: Text{
				Title:  "The transfer has already succeeded",
				Cause:  "Delivering it again copies everything again.",
				Remedy: "Use --force if that is what you want.",
			},
			Japanese: Text{
				Title:  "すでに成功した転送です",
				Cause:  "もう一度届けると、すべてコピーし直します。",
				Remedy: "それでよければ --force を付けてください。",
			},
		},
		{
			Code: CodeNoDeadLetter, Kind: KindConflict,
			English: Text{
				Title:  "There is no dead letter",
				Cause:  "The transfer has none, or it was redriven or discarded.",
				Remedy: "See hikyaku dlq list.",
			},
			Japanese: Text{
				Title:  "デッドレターがありません",
				Cause:  "その転送にデッドレターはないか、再投入または破棄済みです。",
				Remedy: "hikyaku dlq list を確認してください。",
			},
		},
		{
			Code: CodeNoTransfer, Kind: KindNotFound,
			English: Text{
				Title:  "There is no such transfer",
				Cause:  "The ledger has no transfer of that ID.",
				Remedy: "See hikyaku transfers; old transfers are removed after the retention time.",
			},
			Japanese: Text{
				Title:  "その転送はありません",
				Cause:  "台帳に該当する転送がありません。",
				Remedy: "hikyaku transfers を確認してください。保存期間を過ぎた転送は消えます。",
			},
		},
		{
			Code: CodeFilesFailed, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "Some files failed",
				Cause:  "The others were delivered; the detail names failed ones.",
				Remedy: "See which files and why: hikyaku show ID --files, or the execution's log (hikyaku logs ID).",
			},
			Japanese: Text{
				Title:  "一部のファイルが失敗しました",
				Cause:  "ほかのファイルは届いています。失敗したものは詳細にあります。",
				Remedy: "どのファイルがなぜ失敗したかは hikyaku show ID --files、または実行のログ（hikyaku logs ID）で確認してください。",
			},
		},
		{
			Code: CodeLocationUnreachable, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "A location cannot be reached",
				Cause:  "Mounting or connecting to the source or destination failed.",
				Remedy: "Check the storage and the way to it.",
			},
			Japanese: Text{
				Title:  "ロケーションに接続できません",
				Cause:  "送り元または送り先のマウントや接続に失敗しました。",
				Remedy: "ストレージと、そこまでのネットワークを確認してください。",
			},
		},
	}
}
