package hikyaku

// messageEntries say what is wrong with a message or a route.
func messageEntries() []Entry {
	return []Entry{
		{
			Code: CodeNotUnderstood, Kind: KindInvalid,
			English: Text{
				Title:  "The message is not understood",
				Cause:  "The body is neither an ID, nor JSON with an \"id\", nor an S3 or SNS notification.",
				Remedy: "Send the bare ID or {\"id\": \"…\"}; then redrive or discard the dead letter.",
			},
			Japanese: Text{
				Title:  "メッセージを解釈できません",
				Cause:  "本文が ID でも、\"id\" を持つ JSON でも、S3 や SNS の通知でもありません。",
				Remedy: "ID だけ、または {\"id\": \"…\"} を送り、デッドレターは再投入するか破棄してください。",
			},
		},
		{
			Code: CodeEmptyBody, Kind: KindInvalid,
			English: Text{
				Title:  "The message is empty",
				Cause:  "The body holds nothing but white space.",
				Remedy: "Send the ID as the body; discard the dead letter.",
			},
			Japanese: Text{
				Title:  "メッセージが空です",
				Cause:  "本文に空白以外の文字がありません。",
				Remedy: "本文に ID を入れて送り、デッドレターは破棄してください。",
			},
		},
		{
			Code: CodeBodyTooLarge, Kind: KindInvalid,
			English: Text{
				Title:  "The message is too large",
				Cause:  "The body is over 1 MiB or nested deeper than 32 levels.",
				Remedy: "Send fewer IDs per message.",
			},
			Japanese: Text{
				Title:  "メッセージが大きすぎます",
				Cause:  "本文が 1 MiB を超えているか、入れ子が 32 段を超えています。",
				Remedy: "1 通あたりの ID を減らしてください。",
			},
		},
		{
			Code: CodeDuplicateKey, Kind: KindInvalid,
			English: Text{
				Title:  "A JSON key appears twice",
				Cause:  "Readers disagree on which of two equal keys counts, so neither is trusted.",
				Remedy: "Correct the producer, then send the ID again.",
			},
			Japanese: Text{
				Title:  "JSON のキーが重複しています",
				Cause:  "同じキーが二つあるとどちらが有効か実装により異なるため、どちらも信用しません。",
				Remedy: "送信側を直し、ID を送り直してください。",
			},
		},
		{
			Code: CodeIDMissing, Kind: KindInvalid,
			English: Text{
				Title:  "The message has no ID, or not as a string",
				Cause:  "The JSON object has no \"id\", or it is a number or something else that is not a string.",
				Remedy: "Put the ID in \"id\" as a JSON string.",
			},
			Japanese: Text{
				Title:  "メッセージに ID がないか、文字列ではありません",
				Cause:  "JSON に \"id\" がないか、数値など文字列以外になっています。",
				Remedy: "\"id\" に ID を文字列で入れてください。",
			},
		},
		{
			Code: CodeIDRefused, Kind: KindInvalid,
			English: Text{
				Title:  "The ID is not allowed",
				Cause:  "The ID breaks the route's id_pattern or the rules for every ID: 1 to 512 bytes of UTF-8, no control characters, no reserved names. With \"/\" in it, which only an id_pattern can allow, it has at most 32 parts, none of them empty or a reserved name.",
				Remedy: "Rename the set of files, or widen the route's id_pattern, then redrive. Parts of one ID's folder are named by paths.",
			},
			Japanese: Text{
				Title:  "ID が規則に合いません",
				Cause:  "ルートの id_pattern、または共通の規則（UTF-8 で 1〜512 バイト、制御文字と予約名は不可）に反しています。\"/\" は id_pattern が許す場合に限り使え、要素は 32 個まで、空の要素と予約名は不可です。",
				Remedy: "ファイル群の名前を変えるか、ルートの id_pattern を広げて再投入してください。ID のフォルダーの一部だけなら paths で指定します。",
			},
		},
		{
			Code: CodeNoRoute, Kind: KindNotFound,
			English: Text{
				Title:  "There is no such route",
				Cause:  "The message or command names a route that the config does not have.",
				Remedy: "Correct the name, or add the route to the config, then redrive.",
			},
			Japanese: Text{
				Title:  "その名前のルートはありません",
				Cause:  "メッセージやコマンドが指すルートが設定にありません。",
				Remedy: "名前を直すか、設定にルートを加えて再投入してください。",
			},
		},
		{
			Code: CodeRouteUnclear, Kind: KindInvalid,
			English: Text{
				Title:  "It is not clear which route is meant",
				Cause:  "The message names no route, its queue belongs to none or several, and there is no default_route.",
				Remedy: "Name the route in the message, or set queue or default_route in the config, then redrive.",
			},
			Japanese: Text{
				Title:  "どのルートか決められません",
				Cause:  "メッセージにルートの指定がなく、キューにも一つのルートが結び付かず、default_route もありません。",
				Remedy: "メッセージでルートを指定するか、設定の queue か default_route を決めて再投入してください。",
			},
		},
		{
			Code: CodeKeyNoMatch, Kind: KindInvalid,
			English: Text{
				Title:  "The object belongs to no route",
				Cause:  "No route's source and key_pattern match the object of the S3 event.",
				Remedy: "Narrow the bucket's notification, or correct key_pattern, then redrive or discard.",
			},
			Japanese: Text{
				Title:  "オブジェクトがどのルートにも属しません",
				Cause:  "S3 イベントのオブジェクトに合う source と key_pattern を持つルートがありません。",
				Remedy: "バケットの通知範囲を絞るか key_pattern を直し、再投入または破棄してください。",
			},
		},
		{
			Code: CodePathRefused, Kind: KindInvalid,
			English: Text{
				Title:  "A listed path is not allowed",
				Cause:  "Each of \"paths\" must be relative, without \".\" or \"..\" parts, empty parts or control characters.",
				Remedy: "Correct the list, then send the ID again.",
			},
			Japanese: Text{
				Title:  "paths に使えないパスがあります",
				Cause:  "\"paths\" は相対パスで、\".\" や \"..\"、空の要素、制御文字を含められません。",
				Remedy: "一覧を直し、ID を送り直してください。",
			},
		},
		{
			Code: CodeFilterTooLong, Kind: KindInvalid,
			English: Text{
				Title:  "The include filter is too long",
				Cause:  "DataSync takes at most 102,400 characters; the listed paths need more.",
				Remedy: "List fewer paths per message, or send the whole ID.",
			},
			Japanese: Text{
				Title:  "インクルードフィルターが長すぎます",
				Cause:  "DataSync の上限は 102,400 文字で、指定されたパスはこれを超えます。",
				Remedy: "1 通のパスを減らすか、ID 全体を送ってください。",
			},
		},
		{
			Code: CodeRouteInvalid, Kind: KindInvalid,
			English: Text{
				Title:  "The route is not valid",
				Cause:  "A setting of the route cannot work; the message says which.",
				Remedy: "Correct the route in the config.",
			},
			Japanese: Text{
				Title:  "ルートの設定が正しくありません",
				Cause:  "ルートの設定に成り立たない項目があります。どれかはメッセージにあります。",
				Remedy: "設定のルートを直してください。",
			},
		},
	}
}
