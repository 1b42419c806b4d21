package dynamo

// dictionaryOne is the first preset dictionary: what records are likely to
// contain, the likeliest last. It never changes; a better one is a second one.
func dictionaryOne() string {
	return `"error":{"code":"HKY-","kind":"transient","message":"","remedy":"","detail":""}` +
		`"failed files failed ERROR LOST the source does not answer: waiting for duplicate joined rerun rejected discarded notified cancel_requested` +
		`"by":"","reason":"","forced":true,"understood":null,"receives":` +
		`"kind":"dead_letter","kind":"completion","hikyaku-event":"transfer-ended","hikyaku-transfer-id":"","hikyaku-state":"SUCCEEDED","hikyaku-schema":"1"` +
		`"hikyaku-code":"HKY-","hikyaku-reason":"","hikyaku-reruns":"0","created_at":"","not_before":"","tries":0}` +
		`"task_arn":"arn:aws:datasync:","index":0,"state":"IDLE","agent_arns":["arn:aws:datasync:agent/agent-0"],"token":,"transfer_id":"","lease_expires":"","leased_at":"","last_used":"","benched_until":"","benched_reason":"","benched_by":"","version":0}` +
		`"state":"LEASED","agent_arn":"","name":"","online":true,"slots":1,"busy":0,"platform":"","last_contact":"","since":"","seen_at":"","version":0}` +
		`us-east-1 us-west-2 eu-west-1 eu-central-1 ap-northeast-1 ` +
		`"paths":[""],"metadata":{"":""},"key":"","queue":"","not_before":"","cancel_requested":true,"budget_from":,"free":1,"reruns":,"rerun_at":"","copy_all":true,"truncated":true,` +
		`"dead_letter":"owed","dead_letter":"sent",` +
		`[{"schema_version":1,"transfer_id":"","seq":1,"at":"~","type":"accepted","detail":{"id":"","route":"","queue":"","message_id":"","body":"","max_attempts":3,"waiting_reason":"no_free_task","sent_at":"~` +
		`{"schema_version":1,"transfer_id":"","seq":,"at":"~","type":"waiting","detail":{"reason":"same_id_running","reason":"backing_off","reason":"source_not_ready","detail":"","not_before":"` +
		`[{"schema_version":1,"transfer_id":"","seq":2,"at":"~","type":"looked","detail":{"found":{"listed":true,"objects":1,"bytes":,"newest":"~` +
		`Z"}}},{"schema_version":1,"transfer_id":"","seq":3,"at":"~","type":"assigned","detail":{"task_arn":"arn:aws:datasync:us-east-1:task/task-0","token":1,"lease_expires":"~","agent_arns":["arn:aws:datasync:us-east-1:agent/agent-0"],"transfer_mode":"ALL"}}]` +
		`[{"schema_version":1,"transfer_id":"","seq":4,"at":"~","type":"started","detail":{"execution_arn":"arn:aws:datasync:us-east-1:task/task-0/execution/exec-0","status":"LAUNCHING","log_url":"https://us-east-1.console.aws.amazon.com/datasync/home?region=us-east-1#/history/task-0/exec-0"}}]` +
		`[{"schema_version":1,"transfer_id":"","seq":5,"at":"~","type":"phase","detail":{"status":"TRANSFERRING","progress":{"files":{"total":1,"transferred":1,"verified":1,"skipped":0,"failed":0},"bytes":{"total":0,"transferred":0,"written":0},"durations_ms":{"queued":0,"launching":0,"preparing":0,"transferring":0,"verifying":0,"total":0},"throughput_bps":0,"eta_seconds":0}}}]` +
		`"type":"phase","detail":{"status":"VERIFYING","status":"PREPARING",` +
		`[{"schema_version":1,"transfer_id":"","seq":8,"at":"~","type":"succeeded","detail":{"outcome":"delivered","status":"SUCCESS","progress":{"files":{"total":1,"transferred":1,"verified":1,"skipped":0,"failed":0},` +
		`"type":"attempt_ended","detail":{"status":"ERROR","failure":{"code":"HKY-` +
		`{"schema_version":1,"version":1,"event_seq":1,"id":"","transfer_id":"01K","route":"","message_id":"","body":"","queue":"","state":"QUEUED","outcome":"","waiting_reason":"no_free_task","waiting_detail":"","attempt":0,"max_attempts":3,"task_arn":"","execution_arn":"","execution_status":"","agent_arns":[],` +
		`"state":"STARTING","outcome":"","state":"FAILED","state":"SUCCEEDED","outcome":"delivered","waiting_reason":"","waiting_detail":"","state":"RUNNING","outcome":"","waiting_reason":"","waiting_detail":"","attempt":1,"max_attempts":3,` +
		`"task_arn":"arn:aws:datasync:us-east-1:task/task-0","token":1,"lease_expires":"~","execution_arn":"arn:aws:datasync:us-east-1:task/task-0/execution/exec-0","execution_status":"SUCCESS","execution_status":"LAUNCHING","execution_status":"TRANSFERRING","agent_arns":["arn:aws:datasync:us-east-1:agent/agent-0"],` +
		`"found":{"listed":true,"objects":1,"bytes":0,"newest":"~","files":{"total":1,"transferred":1,"verified":1,"skipped":0,"failed":0},"bytes":{"total":0,"transferred":0,"written":0},"throughput_bps":0,"eta_seconds":0,` +
		`"durations_ms":{"queued":0,"launching":0,"preparing":0,"transferring":0,"verifying":0,"total":0},"progress_at":"~","phase_at":"~","error":null,"log_url":"https://us-east-1.console.aws.amazon.com/datasync/home?region=us-east-1#/history/task-0/exec-0","created_at":"~","queued_at":"~","started_at":"~","ended_at":"~","updated_at":"~","attempts":[]}` +
		`"attempts":[{"number":1,"task_arn":"arn:aws:datasync:us-east-1:task/task-0","token":1,"execution_arn":"arn:aws:datasync:","agent_arns":["arn:aws:datasync:"],"transfer_mode":"ALL","started_at":"~","ended_at":"~","status":"SUCCESS","files":{"total":1,"transferred":1,"verified":1,"skipped":0,"failed":0},"bytes":{"total":0,"transferred":0,"written":0},"durations_ms":{"queued":0,"launching":0,"preparing":0,"transferring":0,"verifying":0,"total":0},"error":null}]}`
}
