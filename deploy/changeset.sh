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
# The stack's name and region are those of samconfig.toml.
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,12p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
action=$1 stage=$2 arn=${3:-}

setting() { # the value of a setting of the stage
  python3 -c 'import sys, tomllib
c = tomllib.load(open("samconfig.toml", "rb"))[sys.argv[1]]
print(c[sys.argv[2]]["parameters"][sys.argv[3]])' "$stage" "$1" "$2"
}
stack=$(setting deploy stack_name)
AWS_REGION=$(setting global region)
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION

propose() {
  local log
  log=$(mktemp)
  sam deploy --config-env "$stage" --no-execute-changeset --no-confirm-changeset --no-fail-on-empty-changeset | tee "$log" >&2
  arn=$(grep -oE 'arn:[a-z-]+:cloudformation:[a-z0-9-]+:[0-9]{12}:changeSet/[A-Za-z0-9/-]+' "$log" | tail -n 1 || true)
  rm -f "$log"
  if [ -z "$arn" ]; then
    echo "nothing to change in $stack" >&2
  else
    local shown
    shown=$(aws cloudformation describe-change-set --change-set-name "$arn" --output table \
      --query 'Changes[].ResourceChange.[Action,Replacement,LogicalResourceId,ResourceType]')
    echo "$shown" >&2
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
      printf '### %s\n\n```\n%s\n```\n' "$stack" "$shown" >>"$GITHUB_STEP_SUMMARY"
    fi
  fi
  if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "arn=$arn" >>"$GITHUB_OUTPUT"; fi
  echo "$arn"
}

execute() {
  local status wait=stack-update-complete
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
