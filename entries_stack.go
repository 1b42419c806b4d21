package hikyaku

// stackEntries say what is wrong between a person's machine and an AWS deployment.
func stackEntries() []Entry {
	return []Entry{
		{
			Code: CodeStackNotFound, Kind: KindNotFound,
			English: Text{
				Title:  "There is no such stack",
				Cause:  "The account and region of these credentials have no CloudFormation stack of that name.",
				Remedy: "Check the name, --profile and --region; aws cloudformation list-stacks shows what there is.",
			},
			Japanese: Text{
				Title:  "スタックがありません",
				Cause:  "この認証情報のアカウントとリージョンに、その名前の CloudFormation スタックがありません。",
				Remedy: "名前と --profile、--region を確認してください。aws cloudformation list-stacks で一覧できます。",
			},
		},
		{
			Code: CodeStackUnfit, Kind: KindInvalid,
			English: Text{
				Title:  "The stack is not one that hikyaku can use",
				Cause:  "It was not made from hikyaku's template, from too old a version of it, or its creation has not ended.",
				Remedy: "Choose another stack, wait for the deployment to end, or deploy the template of this version.",
			},
			Japanese: Text{
				Title:  "hikyaku で使えるスタックではありません",
				Cause:  "hikyaku のテンプレートから作られていないか、版が古いか、作成が終わっていません。",
				Remedy: "別のスタックを選ぶか、デプロイの完了を待つか、この版のテンプレートをデプロイしてください。",
			},
		},
		{
			Code: CodeNoCredentials, Kind: KindDenied,
			English: Text{
				Title:  "There are no usable AWS credentials, or no region",
				Cause:  "None are configured, the profile does not exist, the session has expired, or AWS does not know them.",
				Remedy: "Sign in (aws sso login), or set --profile and --region or the AWS_ variables; aws sts get-caller-identity tells whether it worked.",
			},
			Japanese: Text{
				Title:  "使える AWS 認証情報またはリージョンがありません",
				Cause:  "設定がないか、プロファイルがないか、セッションの期限切れか、AWS に認められない認証情報です。",
				Remedy: "aws sso login でサインインするか、--profile と --region、または AWS_ 変数を設定してください。aws sts get-caller-identity で確認できます。",
			},
		},
		{
			Code: CodeCallDenied, Kind: KindDenied,
			English: Text{
				Title:  "AWS does not allow the call",
				Cause:  "The policies of this person or role lack the permission that the message names.",
				Remedy: "Attach the stack's viewer policy, and the operator policy to give commands; their ARNs are among its outputs.",
			},
			Japanese: Text{
				Title:  "AWS が呼び出しを許可しませんでした",
				Cause:  "このユーザーまたはロールのポリシーに、メッセージにある権限がありません。",
				Remedy: "スタックの閲覧用ポリシーを付け、操作する人には操作用ポリシーも付けてください。ARN はスタックの出力にあります。",
			},
		},
		{
			Code: CodeTableMissing, Kind: KindNotFound,
			English: Text{
				Title:  "The stack's table is missing",
				Cause:  "The DynamoDB table that its outputs name was deleted, or is in another account or region.",
				Remedy: "Restore it under its name (point-in-time recovery), or deploy the stack anew.",
			},
			Japanese: Text{
				Title:  "スタックのテーブルがありません",
				Cause:  "出力にある DynamoDB テーブルが削除されたか、別のアカウントまたはリージョンにあります。",
				Remedy: "ポイントインタイムリカバリーで同じ名前に戻すか、スタックをデプロイし直してください。",
			},
		},
		{
			Code: CodeFunctionFailed, Kind: KindInternal,
			English: Text{
				Title:  "The stack's function did not carry out the command",
				Cause:  "The function operate is missing, crashed, ran out of time or speaks another version.",
				Remedy: "Look at its log group, /aws/lambda/STACK-operate, and run hikyaku doctor --stack.",
			},
			Japanese: Text{
				Title:  "スタックの関数がコマンドを実行できませんでした",
				Cause:  "関数 operate がないか、異常終了か、時間切れか、版が違います。",
				Remedy: "ロググループ /aws/lambda/スタック名-operate を確認し、hikyaku doctor --stack を実行してください。",
			},
		},
		{
			Code: CodeAWSUnreachable, Kind: KindTransient,
			English: Text{
				Title:  "AWS does not answer",
				Cause:  "The network, a wrong region or endpoint, throttling, or trouble at AWS.",
				Remedy: "Try again; check the network, --region and any AWS_ENDPOINT_URL variable.",
			},
			Japanese: Text{
				Title:  "AWS が応答しません",
				Cause:  "ネットワーク、リージョンやエンドポイントの誤り、スロットリング、または AWS の障害です。",
				Remedy: "もう一度実行してください。ネットワーク、--region、AWS_ENDPOINT_URL 変数も確認してください。",
			},
		},
	}
}
