package hikyaku

// auditEntries are about the audit log.
func auditEntries() []Entry {
	return []Entry{{
		Code: CodeAuditBroken, Kind: KindCorrupt,
		English: Text{
			Title:  "The audit log is not as it was written",
			Cause:  "A record was changed, removed or moved, the log's end was cut off, or its head does not fit: somebody wrote into the ledger past hikyaku, or it was restored from an older copy.",
			Remedy: "Keep a copy of the ledger as it is; hikyaku audit verify names the first record that is wrong. Compare with records downloaded earlier. While the head does not fit, commands are refused.",
		},
		Japanese: Text{
			Title:  "監査ログが書き込まれたときの状態ではありません",
			Cause:  "記録が変更・削除・移動されたか、末尾が切り取られたか、先頭値が一致しません。hikyaku を通さずに台帳が書き換えられたか、古いコピーから復元されています。",
			Remedy: "台帳をそのまま複製して保全してください。hikyaku audit verify が最初に壊れている記録を示します。以前ダウンロードした記録と比べてください。先頭値が一致しない間、操作は拒否されます。",
		},
	}}
}
