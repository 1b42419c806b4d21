package web

// noticeTexts are those of completion events.
func noticeTexts() map[string]phrase {
	return map[string]phrase{
		"notices":        {"Completion events", "完了通知"},
		"notices_hint":   {"Who was told that this transfer ended. An event may come twice; the receiver knows it by its event ID.", "この転送の終了を誰に通知したか。同じ通知が二度届くことがあり、受信側はイベントIDで見分けられます。"},
		"notice_target":  {"Target", "送信先"},
		"notice_event":   {"Event ID", "イベントID"},
		"notice_tries":   {"Tries", "試行"},
		"notice_when":    {"Sent, or next try", "送信日時・次の試行"},
		"notice_next":    {"next try %s", "次の試行 %s"},
		"notice_owed":    {"owed", "送信待ち"},
		"notice_sent":    {"sent", "送信済み"},
		"notice_failing": {"failing", "失敗中"},
		"notice_dropped": {"dropped", "破棄"},
		"do_notify":      {"Send again", "再送"},
		"ask_notify":     {"Send the completion event of %s again?", "%s の完了通知を再送しますか？"},
		"event_told":     {"%s was told that it ended", "%s に終了を通知しました"},
		"event_not_told": {"%s is not told: it is not configured any more", "%s は設定にないため通知しません"},
		"event_resent":   {"Completion event to be sent again", "完了通知を再送します"},
		"alert_owed":     {"%s completion events are owed to %s since %s.", "完了通知%s件を %s に送信できていません（%s から）。"},
	}
}
