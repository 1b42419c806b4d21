package cli

// livePhrases are the texts of the live view, of completion and of man pages.
func livePhrases() map[string]phrase {
	return map[string]phrase{
		"more_rows":   {"… and %d more", "… ほか%d件"},
		"stream_lost": {"connection lost, connecting again: %s", "接続が切れました。再接続しています: %s"},

		"complete_hours":     {"the last hour", "直近1時間"},
		"complete_day":       {"the last day", "直近1日"},
		"complete_week":      {"the last week", "直近1週間"},
		"complete_unlimited": {"no limit", "無制限"},

		"man_short": {"Write the man pages of all commands into a folder", "全コマンドのmanページをフォルダーに書き出す"},
		"man_long": {
			"Writes one man page per command into a folder, which is made if it is missing: DIR/hikyaku.1, DIR/hikyaku-send.1 and so on, in the language of --lang. SOURCE_DATE_EPOCH sets their date.",
			"コマンドごとに1つのmanページをフォルダーに書き出します（なければ作成します）: DIR/hikyaku.1、DIR/hikyaku-send.1 など。言語は --lang、日付は SOURCE_DATE_EPOCH に従います。",
		},
		"man_manual": {"hikyaku manual", "hikyaku マニュアル"},
		"man_done":   {"%d pages written to %s", "%dページを %s に書き出しました"},
	}
}
