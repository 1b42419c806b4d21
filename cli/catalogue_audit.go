package cli

// auditPhrases are the texts of the audit log.
func auditPhrases() map[string]phrase {
	return map[string]phrase{
		"audit_short": {"Show who did what, newest first", "誰が何をしたかを新しい順に表示する"},
		"audit_long": {
			"Lists what people did, newest first: every command leaves a record that holds the hash of the record before it.",
			"人が行った操作を新しい順に一覧します。各操作は、直前の記録のハッシュを含む記録を残します。",
		},
		"audit_verify_short": {"Verify that no audit record was changed or removed", "監査記録が改変・削除されていないか検証する"},
		"audit_verify_long": {
			"Reads all audit records, oldest first, and checks that each is as it was written and follows the one before it, up to the log's head. A broken chain ends with exit code 9 and names the first record that is wrong. Note the head elsewhere now and then: --head finds out whether the log was rewritten or cut off since, together with its head.",
			"すべての監査記録を古い順に読み、書き込まれたままで、直前の記録に続き、先頭値まで揃っていることを確かめます。壊れていれば終了コード9で終わり、最初に異常な記録を示します。先頭値を時々ほかの場所に控えておくと、--head で、先頭値ごと書き換えられたり切り取られたりしたことも検出できます。",
		},
		"flag_by":             {"only by this person or token", "この操作者（トークン）のみ"},
		"flag_op":             {"only these operations (like cancel,rerun)", "この操作のみ（例: cancel,rerun）"},
		"flag_audit_transfer": {"only on this ID or transfer_id", "このIDまたはtransfer_idのみ"},
		"flag_audit_task":     {"only on this task: its ARN, or how it ends", "このタスクのみ（ARNまたはその末尾）"},
		"flag_audit_since":    {"only since: a time, a date, or an age (24h, 7d)", "この時刻以降。時刻、日付、または経過時間（24h, 7d）"},
		"flag_audit_until":    {"only before: a time, a date, or an age (24h, 7d)", "この時刻より前。時刻、日付、または経過時間（24h, 7d）"},
		"flag_head":           {"a hash noted earlier, or its first 12 digits: a record must have it", "以前に控えたハッシュ（先頭12桁以上）。これを持つ記録が必要です"},
		"flag_audit_file":     {"verify downloaded records instead (JSON lines; - is stdin)", "ダウンロードした記録を検証する（JSON Lines、- は標準入力）"},
		"err_op":              {"no such operation: %s (one of %s)", "その操作はありません: %s（次のいずれか: %s）"},
		"err_noted":           {"--head takes at least the first %d hexadecimal digits of a hash", "--head にはハッシュの先頭%d桁以上の16進数を指定してください"},

		"no_audit":       {"No audit record matches.", "該当する監査記録はありません。"},
		"more_audit":     {"The newest %d; --limit shows more.", "新しい順に%d件です。--limit で増やせます。"},
		"audit_many":     {"%d transfers", "転送%d件"},
		"audit_empty":    {"No records; nobody has done anything yet.", "記録はまだありません。"},
		"audit_unbroken": {"%d records, unbroken, head %s", "記録%d件、連鎖は正常です。先頭値 %s"},
		"audit_broken":   {"the audit log is broken at record %d: %s", "監査ログが記録%dで壊れています: %s"},
		"col_seq":        {"NO", "番号"},
		"col_by":         {"BY", "操作者"},
		"col_op":         {"WHAT", "操作"},
		"col_on":         {"ON", "対象"},
		"col_reason":     {"REASON", "理由"},
		"col_origin":     {"FROM", "経路"},
		"col_hash":       {"HASH", "ハッシュ"},

		"audit_fault_changed":   {"changed: it is not what was written", "改変: 書き込まれた内容と異なります"},
		"audit_fault_missing":   {"missing: it is not there", "欠落: 記録がありません"},
		"audit_fault_reordered": {"reordered: another record is in its place", "入れ替え: 別の記録がその位置にあります"},
		"audit_fault_rewritten": {"rewritten: it does not follow the record before it", "書き換え: 直前の記録とつながりません"},
		"audit_fault_cut_off":   {"cut off: the log ends before it, and its head says it is there", "切り取り: 先頭値にはあるのに、ログがその手前で終わっています"},
		"audit_fault_head":      {"the head of the audit log is not that of its newest record", "監査ログの先頭値が最新の記録と一致しません"},
		"audit_fault_noted":     {"no audit record has the hash that was noted: the log was rewritten, or cut off before it", "控えたハッシュを持つ監査記録がありません。ログが書き換えられたか、その手前で切り取られています"},
	}
}
