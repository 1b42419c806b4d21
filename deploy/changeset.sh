#!/usr/bin/env bash
# What both pipelines do with a stage's change set, after `make sam-build`.
#
#   changeset.sh propose STAGE       make it and show it; prints its ARN, or
#                                    nothing when there is nothing to change
#   changeset.sh execute STAGE ARN   carry it out and wait; CloudFormation rolls
#                                    back by itself if it fails
#   changeset.sh drop STAGE ARN      delete it
#   changeset.sh undo STAGE          after a rollback that failed: continue it
#
# A change set that replaces or removes the table, a queue, a bucket or a key is
# not proposed and not carried out (exit status 3), unless --replace-data is the
# last argument. The stack's name and region are those of samconfig.toml.
# Without the SAM CLI, or with TEMPLATE, that file is proposed: by default
# dist/aws/packaged.json (make sam-package). BUCKET is for its upload.
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n 2,15p "$(basename "$0")" >&2; exit 2; }
[ $# -ge 2 ] || usage
replace=
if [ "${!#}" = --replace-data ]; then replace=yes; set -- "${@:1:$#-1}"; fi
[ $# -ge 2 ] && [ $# -le 3 ] || usage
action=$1 stage=$2 arn=${3:-}

setting() { # the value of a setting of the stage
  python3 -c 'import sys, tomllib
c = tomllib.load(open("samconfig.toml", "rb"))[sys.argv[1]]
print(c[sys.argv[2]]["parameters"][sys.argv[3]])' "$stage" "$1" "$2"
}
stack=$(setting deploy stack_name)
AWS_REGION=$(setting global region)
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION

# keeps ends the script when the change set would cost data. Conditional is what
# CloudFormation cannot tell before it does it.
keeps() {
  local lost
  [ -z "$replace" ] || return 0
  lost=$(aws cloudformation describe-change-set --change-set-name "$arn" --output json --query 'Changes[].ResourceChange | [?
    contains(`["AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::KMS::Key"]`, ResourceType) &&
    (Action == `"Remove"` || Replacement == `"True"` || Replacement == `"Conditional"`)].[LogicalResourceId, Action]')
  case $lost in '[]' | null) return 0 ;; esac
  echo "refused: it replaces or removes what holds data; to do so, repeat with --replace-data: $lost" >&2
  return 3
}

make_it() {
  if [ -z "${TEMPLATE:-}" ] && command -v sam >/dev/null 2>&1; then
    sam deploy --config-env "$stage" --no-execute-changeset --no-confirm-changeset --no-fail-on-empty-changeset
  else
    aws cloudformation deploy --stack-name "$stack" --template-file "${TEMPLATE:-../dist/aws/packaged.json}" \
      ${BUCKET:+--s3-bucket "$BUCKET"} --capabilities CAPABILITY_IAM --no-execute-changeset --no-fail-on-empty-changeset
  fi
}

propose() {
  local log
  log=$(mktemp)
  trap "rm -f '$log'" EXIT
  make_it | tee "$log" >&2
  arn=$(grep -oE 'arn:[a-z-]+:cloudformation:[a-z0-9-]+:[0-9]{12}:changeSet/[A-Za-z0-9/-]+' "$log" | tail -n 1 || true)
  if [ -z "$arn" ]; then
    echo "nothing to change in $stack" >&2
  else
    local shown
    shown=$(aws cloudformation describe-change-set --change-set-name "$arn" --output table \
      --query 'Changes[].ResourceChange.[Action,Replacement,LogicalResourceId,ResourceType]')
    echo "$shown" >&2
    keeps || { aws cloudformation delete-change-set --change-set-name "$arn"; exit 3; }
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
      printf '### %s\n\n```\n%s\n```\n' "$stack" "$shown" >>"$GITHUB_STEP_SUMMARY"
    fi
  fi
  if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "arn=$arn" >>"$GITHUB_OUTPUT"; fi
  echo "$arn"
}

execute() {
  local status wait=stack-update-complete
  keeps
  status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
  if [ "$status" = REVIEW_IN_PROGRESS ]; then wait=stack-create-complete; fi
  aws cloudformation execute-change-set --change-set-name "$arn"
  if ! aws cloudformation wait "$wait" --stack-name "$stack"; then
    aws cloudformation describe-stack-events --stack-name "$stack" --output table \
      --query 'StackEvents[?contains(ResourceStatus, `FAILED`)].[Timestamp,LogicalResourceId,ResourceStatusReason]' >&2
    exit 1
  fi
}

case $action in
  propose) propose ;;
  execute) [ -n "$arn" ] || usage; execute ;;
  drop) [ -n "$arn" ] || usage; aws cloudformation delete-change-set --change-set-name "$arn" ;;
  undo) aws cloudformation continue-update-rollback --stack-name "$stack"; aws cloudformation wait stack-rollback-complete --stack-name "$stack" ;;
  *) usage ;;
esac
