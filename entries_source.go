package hikyaku

// sourceEntries say what is wrong at the source.
func sourceEntries() []Entry {
	return []Entry{
		{
			Code: CodeSourceMissing, Kind: KindNotFound,
			English: Text{
				Title:  "Nothing is there for the ID",
				Cause:  "The source holds no object under the ID.",
				Remedy: "Put the files there first, then rerun; if an empty ID is fine, set allow_empty on the route.",
			},
			Japanese: Text{
				Title:  "ID のファイルがありません",
				Cause:  "送り元に、その ID のオブジェクトが一つもありません。",
				Remedy: "先にファイルを置いてから再実行してください。空でもよい場合はルートに allow_empty を設定します。",
			},
		},
		{
			Code: CodeSourceGone, Kind: KindNotFound, Retryable: true,
			English: Text{
				Title:  "A file vanished from the source",
				Cause:  "It was there when listed and gone when read.",
				Remedy: "Find out who deletes files before they are delivered.",
			},
			Japanese: Text{
				Title:  "送り元のファイルが消えました",
				Cause:  "一覧にはあったファイルが、読む時にはありませんでした。",
				Remedy: "配送前に消している処理を調べてください。",
			},
		},
		{
			Code: CodeSourceDenied, Kind: KindDenied,
			English: Text{
				Title:  "Reading the source is denied",
				Cause:  "The location's role or keys may not list or read the source.",
				Remedy: "Grant s3:ListBucket and s3:GetObject (and kms:Decrypt) on the source, then rerun.",
			},
			Japanese: Text{
				Title:  "送り元の読み取りが拒否されました",
				Cause:  "ロケーションのロールや鍵に、送り元の一覧・読み取りの権限がありません。",
				Remedy: "送り元に s3:ListBucket と s3:GetObject（必要なら kms:Decrypt）を許可し、再実行してください。",
			},
		},
		{
			Code: CodeSourceChanged, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "A file changed while it was copied",
				Cause:  "The producer wrote to the ID after sending it.",
				Remedy: "Send the ID when its files are complete, or give the route a ready rule.",
			},
			Japanese: Text{
				Title:  "コピー中にファイルが変わりました",
				Cause:  "ID を送った後に送信側が書き込んでいます。",
				Remedy: "ファイルが揃ってから ID を送るか、ルートに ready を設定してください。",
			},
		},
		{
			Code: CodeSourceUnavailable, Kind: KindTransient, Retryable: true,
			English: Text{
				Title:  "The source does not answer",
				Cause:  "Network or storage trouble, or the endpoint is wrong.",
				Remedy: "Nothing to do if it passes; otherwise check the endpoint with hikyaku doctor.",
			},
			Japanese: Text{
				Title:  "送り元が応答しません",
				Cause:  "ネットワークやストレージの障害、またはエンドポイントの誤りです。",
				Remedy: "一時的なら対処は不要です。続く場合は hikyaku doctor で確認してください。",
			},
		},
		{
			Code: CodeNameNotAllowed, Kind: KindInvalid,
			English: Text{
				Title:  "A name cannot exist at the destination",
				Cause:  "An object's key would leave the destination folder or has a part the destination cannot store.",
				Remedy: "Rename the object named in the detail, then rerun.",
			},
			Japanese: Text{
				Title:  "送り先に置けない名前があります",
				Cause:  "オブジェクトのキーが送り先の外を指すか、送り先で使えない名前を含みます。",
				Remedy: "詳細にあるオブジェクトの名前を変え、再実行してください。",
			},
		},
		{
			Code: CodePathConflict, Kind: KindInvalid,
			English: Text{
				Title:  "A file and a folder have the same name",
				Cause:  "The source holds both \"a\" and \"a/b\", which a file system cannot.",
				Remedy: "Rename one of the two named in the detail, then rerun.",
			},
			Japanese: Text{
				Title:  "ファイルとフォルダーが同じ名前です",
				Cause:  "送り元に \"a\" と \"a/b\" の両方があり、ファイルシステムでは両立しません。",
				Remedy: "詳細にある一方の名前を変え、再実行してください。",
			},
		},
		{
			Code: CodeCaseCollision, Kind: KindInvalid,
			English: Text{
				Title:  "Two names are the same at the destination",
				Cause:  "They differ only in case or Unicode form, which the destination does not tell apart.",
				Remedy: "Rename one of the two named in the detail, then rerun.",
			},
			Japanese: Text{
				Title:  "送り先で同じ名前になるファイルがあります",
				Cause:  "大文字小文字や Unicode の形だけが違い、送り先では区別されません。",
				Remedy: "詳細にある一方の名前を変え、再実行してください。",
			},
		},
		{
			Code: CodeArchived, Kind: KindInvalid,
			English: Text{
				Title:  "An object is archived",
				Cause:  "It is in an archive storage class and was not restored.",
				Remedy: "Restore the object, then rerun.",
			},
			Japanese: Text{
				Title:  "オブジェクトがアーカイブされています",
				Cause:  "アーカイブ用のストレージクラスにあり、復元されていません。",
				Remedy: "オブジェクトを復元してから再実行してください。",
			},
		},
		{
			Code: CodeNoBucket, Kind: KindNotFound,
			English: Text{
				Title:  "The source bucket does not exist",
				Cause:  "The route names a bucket that is not there.",
				Remedy: "Create the bucket or correct the route's source, then rerun.",
			},
			Japanese: Text{
				Title:  "送り元のバケットがありません",
				Cause:  "ルートが指すバケットが存在しません。",
				Remedy: "バケットを作るか、ルートの source を直して再実行してください。",
			},
		},
	}
}
