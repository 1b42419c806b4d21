package hikyaku

// accessEntries say why somebody may not come in or may not do something.
func accessEntries() []Entry {
	return []Entry{
		{
			Code: CodeForbidden, Kind: KindDenied,
			English: Text{
				Title:  "This role may not do that",
				Cause:  "The token or the person is known, but its role is too low: viewers read, operators act on transfers, administrators change what routes and tasks may use.",
				Remedy: "Ask an administrator for the role that is needed: a token (hikyaku token create NAME --role ROLE) or a group.",
			},
			Japanese: Text{
				Title:  "この役割では操作できません",
				Cause:  "トークンまたは利用者は正しいものの、役割が足りません。viewer は閲覧、operator は転送の操作、admin はルートとタスクの設定変更ができます。",
				Remedy: "必要な役割を管理者に依頼してください（トークンは hikyaku token create 名前 --role 役割、またはグループ）。",
			},
		},
		{
			Code: CodeSignInLimited, Kind: KindBusy,
			English: Text{
				Title:  "Too many attempts to sign in failed",
				Cause:  "From this address, or from all together, more attempts than usual failed within a minute.",
				Remedy: "Wait a minute. Who is signed in already is not affected. If it was not you, the log names the addresses.",
			},
			Japanese: Text{
				Title:  "サインインの失敗が多すぎます",
				Cause:  "このアドレスから、または全体で、1 分間の失敗が上限を超えました。",
				Remedy: "1 分待ってください。サインイン済みの人に影響はありません。心当たりがなければ、ログでアドレスを確認してください。",
			},
		},
		{
			Code: CodeProviderUnreachable, Kind: KindTransient,
			English: Text{
				Title:  "The identity provider does not answer",
				Cause:  "It is down, its address in access.oidc.issuer is wrong, or this server cannot reach it.",
				Remedy: "Try again in a moment, or sign in with a token. The server's log says what the provider answered.",
			},
			Japanese: Text{
				Title:  "ID プロバイダーが応答しません",
				Cause:  "停止しているか、access.oidc.issuer のアドレスが誤っているか、このサーバーから届きません。",
				Remedy: "少し待ってやり直すか、トークンでサインインしてください。プロバイダーの応答はサーバーのログにあります。",
			},
		},
		{
			Code: CodeSignInRefused, Kind: KindDenied,
			English: Text{
				Title:  "The sign-in could not be completed",
				Cause:  "The answer does not belong to a sign-in that this browser began, came too late, was used before, or the provider refused it.",
				Remedy: "Begin again from the sign-in page, in one tab.",
			},
			Japanese: Text{
				Title:  "サインインを完了できませんでした",
				Cause:  "応答がこのブラウザーで始めたサインインのものでないか、期限切れか、使用済みか、プロバイダーに拒否されました。",
				Remedy: "サインインのページから、1 つのタブでやり直してください。",
			},
		},
		{
			Code: CodeNoRole, Kind: KindDenied,
			English: Text{
				Title:  "You are known, but have no role here",
				Cause:  "The provider vouches for the person, and none of the person's groups is in access.oidc.roles.",
				Remedy: "Ask an administrator to put you into one of the groups, then sign in again.",
			},
			Japanese: Text{
				Title:  "本人確認はできましたが、ここでの役割がありません",
				Cause:  "プロバイダーは本人と認めましたが、所属グループが access.oidc.roles のどれにも当たりません。",
				Remedy: "管理者にグループへの追加を依頼してから、もう一度サインインしてください。",
			},
		},
		{
			Code: CodeHostUnknown, Kind: KindDenied,
			English: Text{
				Title:  "The host name is not one of this server's",
				Cause:  "The request names a host that the config does not know: a wrong address, a proxy that passes another name on, or an attempt to reach the console through a foreign page (DNS rebinding).",
				Remedy: "Use the address in access.public_url, or add the name to access.hosts.",
			},
			Japanese: Text{
				Title:  "このサーバーのホスト名ではありません",
				Cause:  "設定にないホスト名への要求です。アドレスの誤り、別の名前を渡すプロキシ、または他のページ経由の攻撃（DNS リバインディング）が考えられます。",
				Remedy: "access.public_url のアドレスを使うか、その名前を access.hosts に加えてください。",
			},
		},
		{
			Code: CodeCrossSite, Kind: KindDenied,
			English: Text{
				Title:  "The request comes from another site",
				Cause:  "A page of another site, or of another port, tried to change something with your sign-in.",
				Remedy: "Nothing was changed. Do it in the console itself; scripts send a token in the Authorization header and no Origin.",
			},
			Japanese: Text{
				Title:  "別のサイトからの要求です",
				Cause:  "別のサイトまたは別のポートのページが、あなたのサインインで変更しようとしました。",
				Remedy: "何も変更されていません。コンソールで操作してください。スクリプトでは Origin を付けず、Authorization ヘッダーでトークンを送ってください。",
			},
		},
	}
}
