package hikyaku

// storageEntries say what is wrong at the destination, and what verification finds.
func storageEntries() []Entry {
	return []Entry{
		{
			Code: CodeDestinationDenied, Kind: KindDenied,
			English: Text{
				Title:  "Writing to the destination is denied",
				Cause:  "It is read-only, or the location's account may not write there.",
				Remedy: "Grant write access at the destination, then rerun.",
			},
			Japanese: Text{
				Title:  "送り先への書き込みが拒否されました",
				Cause:  "読み取り専用か、ロケーションの権限で書き込めません。",
				Remedy: "送り先への書き込みを許可し、再実行してください。",
			},
		},
		{
			Code: CodeNoSpace, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "The destination is full",
				Cause:  "No space or no inodes are left, or a quota is reached.",
				Remedy: "Free space at the destination.",
			},
			Japanese: Text{
				Title:  "送り先に空きがありません",
				Cause:  "容量か inode の不足、または割り当ての上限です。",
				Remedy: "送り先の空きを作ってください。",
			},
		},
		{
			Code: CodeDestinationUnavailable, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "The destination does not answer",
				Cause:  "Network or storage trouble.",
				Remedy: "Nothing to do if it passes; otherwise check it with hikyaku doctor.",
			},
			Japanese: Text{
				Title:  "送り先が応答しません",
				Cause:  "ネットワークまたはストレージの障害です。",
				Remedy: "一時的なら対処は不要です。続く場合は hikyaku doctor で確認してください。",
			},
		},
		{
			Code: CodeFileTooLarge, Kind: KindInvalid,
			English: Text{
				Title:  "A file is too large for the destination",
				Cause:  "The destination cannot hold a file of that size.",
				Remedy: "Split the file, or choose another destination, then rerun.",
			},
			Japanese: Text{
				Title:  "ファイルが送り先には大きすぎます",
				Cause:  "送り先はその大きさのファイルを置けません。",
				Remedy: "ファイルを分けるか送り先を変え、再実行してください。",
			},
		},
		{
			Code: CodeMismatch, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "Verification found a difference",
				Cause:  "What was read back at the destination is not what was sent.",
				Remedy: "It is delivered once more with TransferMode ALL; a second time ends it.",
			},
			Japanese: Text{
				Title:  "検証で違いが見つかりました",
				Cause:  "送り先から読み戻した内容が、送ったものと違います。",
				Remedy: "TransferMode ALL でもう一度届けます。再び違えば終了します。",
			},
		},
		{
			Code: CodeCorrupt, Kind: KindCorrupt,
			English: Text{
				Title:  "Verification failed twice",
				Cause:  "The same ID differed again after everything was copied anew and the source had not changed.",
				Remedy: "Suspect storage, memory or a program that changes files at the destination; keep the evidence, then rerun.",
			},
			Japanese: Text{
				Title:  "検証が二度失敗しました",
				Cause:  "すべてコピーし直しても、送り元が変わっていないのに再び違いました。",
				Remedy: "ストレージやメモリー、送り先を書き換えるプログラムを疑い、証拠を残してから再実行してください。",
			},
		},
		{
			Code: CodeMetadataMismatch, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "Verification found different metadata",
				Cause:  "Times, owner or permissions at the destination are not what was sent.",
				Remedy: "Check what else changes files there.",
			},
			Japanese: Text{
				Title:  "検証でメタデータの違いが見つかりました",
				Cause:  "送り先の時刻、所有者、権限が送ったものと違います。",
				Remedy: "送り先でファイルを変えるものがないか確認してください。",
			},
		},
	}
}
