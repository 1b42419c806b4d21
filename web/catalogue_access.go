package web

// accessTexts are those of signing in and of what a role may do.
func accessTexts() map[string]phrase {
	return map[string]phrase{
		"signin_title":   {"Sign in", "サインイン"},
		"signin_with":    {"Sign in with %s", "%s でサインイン"},
		"signin_or":      {"or with a token", "またはトークンで"},
		"signin_how":     {"Open the link that hikyaku console prints, or paste a token that hikyaku token create made.", "hikyaku console が表示するリンクを開くか、hikyaku token create で作ったトークンを貼り付けてください。"},
		"signin_token":   {"Token", "トークン"},
		"signin_button":  {"Sign in", "サインイン"},
		"signin_wrong":   {"This token is not known here, has expired or was revoked.", "このトークンは登録されていないか、期限切れか、取り消されています。"},
		"signin_limited": {"Too many attempts failed. Wait a minute.", "失敗が続いたため、1分待ってください。"},
		"signout":        {"Sign out", "サインアウト"},
		"signed_in_as":   {"Signed in as %s, %s", "%s としてサインイン中（%s）"},

		"role_admin":    {"admin", "admin（管理者）"},
		"role_operator": {"operator", "operator（操作）"},
		"role_viewer":   {"viewer", "viewer（閲覧）"},
		"role_producer": {"producer", "producer（送信のみ）"},
		"role_none":     {"none", "なし"},

		"denied":          {"You may look, not act: that needs the role operator.", "閲覧のみの権限です。操作には operator の役割が必要です。"},
		"denied_admin":    {"Bandwidth and benching need the role admin.", "帯域の変更とタスクの割当停止には admin の役割が必要です。"},
		"denied_readonly": {"This console only shows: nothing can be changed here.", "表示専用のコンソールです。変更はできません。"},
		"denied_who":      {"Signed in as", "サインイン中"},
		"denied_role":     {"Your role", "あなたの役割"},
		"denied_need":     {"Needed at least", "必要な役割"},
		"denied_signin":   {"To the sign-in page", "サインインのページへ"},
	}
}
