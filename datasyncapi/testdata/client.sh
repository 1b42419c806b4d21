#!/usr/bin/env bash
# Drives the DataSync endpoint with the AWS CLI.
set -euo pipefail
role=arn:aws:iam::123456789012:role/datasync
d() { aws datasync "$@" --output text; }

from=$(d create-location-s3 --s3-bucket-arn arn:aws:s3:::outbox --s3-config BucketAccessRoleArn=$role --query LocationArn)
to=$(d create-location-object-storage --server-hostname s3.example.com --bucket-name inbox --access-key k --secret-key s --query LocationArn)
[[ $(d describe-location-object-storage --location-arn "$to" --query LocationUri) == object-storage://s3.example.com/inbox/ ]]
task=$(d create-task --source-location-arn "$from" --destination-location-arn "$to" --options TransferMode=ALL --query TaskArn)
run=$(d start-task-execution --task-arn "$task" --includes FilterType=SIMPLE_PATTERN,Value=/A-1/\* --query TaskExecutionArn)
for _ in {1..20}; do
	status=$(d describe-task-execution --task-execution-arn "$run" --query Status)
	[[ $status == SUCCESS ]] && break
done
[[ $status == SUCCESS ]]
second=$(d start-task-execution --task-arn "$task" --query TaskExecutionArn)
d update-task-execution --task-execution-arn "$second" --options BytesPerSecond=1000
d cancel-task-execution --task-execution-arn "$second"
if out=$(d describe-task --task-arn "${task%?????????????????}00000000000000000" 2>&1); then exit 1; fi
[[ $out == *InvalidRequestException*"not found"* ]]
[[ $(d list-task-executions --task-arn "$task" --query 'TaskExecutions[].TaskExecutionArn') == "$second"$'\t'"$run" ]]
echo all good
