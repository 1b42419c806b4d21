package hikyaku

// poolEntries say what is wrong with tasks, agents and starts.
func poolEntries() []Entry {
	return []Entry{
		{
			Code: CodeAgentOffline, Kind: KindTransient, Retryable: true, Free: true,
			English: Text{
				Title:  "An agent is offline",
				Cause:  "An agent of the task lost contact with DataSync.",
				Remedy: "Check the agent's machine and network; work goes on when it is back.",
			},
			Japanese: Text{
				Title:  "エージェントがオフラインです",
				Cause:  "タスクのエージェントが DataSync と通信できていません。",
				Remedy: "エージェントの機器とネットワークを確認してください。復帰すれば続きます。",
			},
		},
		{
			Code: CodeTaskUnavailable, Kind: KindTransient, Retryable: true, Free: true, Bench: true,
			English: Text{
				Title:  "The task cannot run",
				Cause:  "DataSync says that the task is UNAVAILABLE; the task was benched.",
				Remedy: "Look at the task's error in hikyaku pool; the transfer goes on in another task.",
			},
			Japanese: Text{
				Title:  "タスクを実行できません",
				Cause:  "DataSync がタスクを UNAVAILABLE としたため、タスクを休ませました。",
				Remedy: "hikyaku pool でタスクのエラーを確認してください。転送は別のタスクで続きます。",
			},
		},
		{
			Code: CodeStartRefused, Kind: KindInvalid, Retryable: true, Bench: true,
			English: Text{
				Title:  "DataSync refused to start",
				Cause:  "StartTaskExecution answered with an error although the task looked free.",
				Remedy: "Read the detail; check the task's options and locations.",
			},
			Japanese: Text{
				Title:  "DataSync が開始を拒否しました",
				Cause:  "空いているはずのタスクで StartTaskExecution がエラーになりました。",
				Remedy: "詳細を読み、タスクのオプションとロケーションを確認してください。",
			},
		},
		{
			Code: CodeTaskInUse, Kind: KindBusy, Retryable: true, Free: true, Bench: true,
			English: Text{
				Title:  "Someone else uses the pool's task",
				Cause:  "An execution that hikyaku did not start is running in the task.",
				Remedy: "Do not start pool tasks by hand; the task is benched until the execution ends.",
			},
			Japanese: Text{
				Title:  "プールのタスクが他で使われています",
				Cause:  "hikyaku 以外が開始した実行がタスクで動いています。",
				Remedy: "プールのタスクを手で開始しないでください。終わるまでタスクを休ませます。",
			},
		},
		{
			Code: CodeTaskRefused, Kind: KindInvalid,
			English: Text{
				Title:  "The task may not be in a pool",
				Cause:  "It has a schedule, a manifest, or deletes files at the destination.",
				Remedy: "Remove the schedule or manifest, and set PreserveDeletedFiles to PRESERVE.",
			},
			Japanese: Text{
				Title:  "そのタスクはプールに入れられません",
				Cause:  "スケジュールかマニフェストを持つか、送り先のファイルを削除する設定です。",
				Remedy: "スケジュールやマニフェストを外し、PreserveDeletedFiles を PRESERVE にしてください。",
			},
		},
		{
			Code: CodeLaunchStalled, Kind: KindTransient, Retryable: true, Free: true, Bench: true,
			English: Text{
				Title:  "The execution did not get going",
				Cause:  "It stayed QUEUED or LAUNCHING too long, was cancelled, and the task benched.",
				Remedy: "Check the agent; the transfer goes on in another task.",
			},
			Japanese: Text{
				Title:  "実行が始まりませんでした",
				Cause:  "QUEUED か LAUNCHING のまま時間切れになり、取り消してタスクを休ませました。",
				Remedy: "エージェントを確認してください。転送は別のタスクで続きます。",
			},
		},
		{
			Code: CodeProgressStalled, Kind: KindTransient, Retryable: true, Free: true, Bench: true,
			English: Text{
				Title:  "The execution stood still",
				Cause:  "No counter moved for too long; it was cancelled and the task benched.",
				Remedy: "Check the storage on both sides and the agent; the transfer goes on in another task.",
			},
			Japanese: Text{
				Title:  "実行が進まなくなりました",
				Cause:  "どの数値も長く動かず、取り消してタスクを休ませました。",
				Remedy: "両側のストレージとエージェントを確認してください。転送は別のタスクで続きます。",
			},
		},
		{
			Code: CodeStartLost, Kind: KindTransient, Retryable: true, Free: true,
			English: Text{
				Title:  "The start got lost",
				Cause:  "The lease ended and DataSync knows of no execution for it.",
				Remedy: "Nothing to do: it is started again.",
			},
			Japanese: Text{
				Title:  "開始の記録が失われました",
				Cause:  "リースが切れ、DataSync にも該当する実行がありません。",
				Remedy: "対処は不要です。もう一度開始されます。",
			},
		},
		{
			Code: CodeExecutionLost, Kind: KindTransient, Retryable: true, Free: true,
			English: Text{
				Title:  "The execution is gone",
				Cause:  "DataSync does not know the execution any more.",
				Remedy: "Nothing to do: it is started again with TransferMode ALL.",
			},
			Japanese: Text{
				Title:  "実行が見つかりません",
				Cause:  "DataSync が実行を知らないと答えました。",
				Remedy: "対処は不要です。TransferMode ALL でもう一度開始されます。",
			},
		},
		{
			Code: CodeOrphan, Kind: KindConflict,
			English: Text{
				Title:  "An execution belonged to nobody",
				Cause:  "It ran in a pool task without a lease and was cancelled.",
				Remedy: "Nothing to do; if it repeats, check that only one stack uses these tasks.",
			},
			Japanese: Text{
				Title:  "持ち主のない実行がありました",
				Cause:  "リースのない実行がプールのタスクで動いていたため、取り消しました。",
				Remedy: "対処は不要です。繰り返す場合は、同じタスクを別のスタックが使っていないか確認してください。",
			},
		},
		{
			Code: CodeStartDenied, Kind: KindDenied,
			English: Text{
				Title:  "Starting tasks is denied",
				Cause:  "The server's role may not start or look at task executions.",
				Remedy: "Grant datasync:StartTaskExecution, DescribeTask, DescribeTaskExecution and TagResource, then rerun.",
			},
			Japanese: Text{
				Title:  "タスクの開始が拒否されました",
				Cause:  "サーバーのロールに、タスク実行の開始や参照の権限がありません。",
				Remedy: "datasync:StartTaskExecution、DescribeTask、DescribeTaskExecution、TagResource を許可し、再実行してください。",
			},
		},
		{
			Code: CodeNoTask, Kind: KindNotFound,
			English: Text{
				Title:  "There is no such task",
				Cause:  "No pool has a task of that ARN.",
				Remedy: "See hikyaku pool for the tasks.",
			},
			Japanese: Text{
				Title:  "そのタスクはありません",
				Cause:  "その ARN のタスクはどのプールにもありません。",
				Remedy: "hikyaku pool でタスクを確認してください。",
			},
		},
	}
}
