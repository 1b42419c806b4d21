package web

// phrase is one text in every language.
type phrase struct{ en, ja string }

// Text returns the text of a key; a key without one is returned as it is,
// which a test holds impossible for keys that templates use.
func Text(l Lang, key string) string {
	p, ok := texts()[key]
	if !ok {
		return key
	}
	if l == Japanese {
		return p.ja
	}
	return p.en
}

func texts() map[string]phrase {
	return map[string]phrase{
		"skip":           {"Skip to the content", "本文へ移動"},
		"signin_title":   {"Sign in", "サインイン"},
		"signin_how":     {"Open the link that `hikyaku serve` printed, or paste a token. `hikyaku env` prints one.", "`hikyaku serve` が表示したリンクを開くか、トークンを貼り付けてください。トークンは `hikyaku env` で表示できます。"},
		"signin_token":   {"Token", "トークン"},
		"signin_button":  {"Sign in", "サインイン"},
		"signin_wrong":   {"This token is not known here.", "このトークンは登録されていません。"},
		"signin_limited": {"Too many wrong tokens. Wait a minute.", "誤ったトークンが続いたため、1分待ってください。"},
		"problem_title":  {"This page cannot be shown", "このページを表示できません"},
		"nav_transfers":  {"Transfers", "転送"},
	}
}
