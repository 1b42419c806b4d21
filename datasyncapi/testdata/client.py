"""Drives the DataSync endpoint with boto3, as a user's script would."""

import datetime
import time

import boto3
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/datasync"
client = boto3.client("datasync")


def refused(fragment, call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as e:
        assert e.response["Error"]["Code"] == "InvalidRequestException", e.response
        assert fragment in e.response["Error"]["Message"], e.response
        assert e.response["errorCode"] and e.response["datasyncErrorCode"], e.response
        return
    raise AssertionError("not refused: " + fragment)


def wait(arn, *states):
    deadline = time.monotonic() + 20
    while True:
        e = client.describe_task_execution(TaskExecutionArn=arn)
        if e["Status"] in states:
            return e
        assert time.monotonic() < deadline, e
        time.sleep(0.02)


def location(bucket):
    return client.create_location_s3(
        S3BucketArn="arn:aws:s3:::" + bucket, Subdirectory="/in", S3Config={"BucketAccessRoleArn": ROLE}
    )["LocationArn"]


def rule(value):
    return [{"FilterType": "SIMPLE_PATTERN", "Value": value}]


source, destination = location("outbox"), location("inbox")
described = client.describe_location_s3(LocationArn=source)
assert described["LocationUri"] == "s3://outbox/in/", described
assert isinstance(described["CreationTime"], datetime.datetime), described
refused("DataSync location access test failed", location, bucket="missing")

task = client.create_task(
    SourceLocationArn=source, DestinationLocationArn=destination, Name="orders", Options={"VerifyMode": "ONLY_FILES_TRANSFERRED"}
)["TaskArn"]
assert client.describe_task(TaskArn=task)["Status"] == "AVAILABLE"

first = client.start_task_execution(TaskArn=task, Includes=rule("/A-1/*"), Tags=[{"Key": "transfer_id", "Value": "1"}])["TaskExecutionArn"]
ended = wait(first, "SUCCESS", "ERROR")
assert ended["Status"] == "SUCCESS" and ended["FilesTransferred"] == 3, ended
assert ended["Options"]["VerifyMode"] == "ONLY_FILES_TRANSFERRED" and ended["Options"]["BytesPerSecond"] == -1, ended
assert ended["Includes"] == rule("/A-1/*") and "Excludes" not in ended, ended
assert isinstance(ended["EndTime"], datetime.datetime) and ended["Result"]["TransferStatus"] == "SUCCESS", ended
assert client.list_tags_for_resource(ResourceArn=first)["Tags"] == [{"Key": "transfer_id", "Value": "1"}]
refused("cannot be cancelled in its current status: SUCCESS", client.cancel_task_execution, TaskExecutionArn=first)

second = client.start_task_execution(TaskArn=task, Includes=rule("/A-2/*"))["TaskExecutionArn"]
wait(second, "PREPARING")
refused("same filters", client.start_task_execution, TaskArn=task, Includes=rule("/A-2/*"))
client.update_task_execution(TaskExecutionArn=second, Options={"BytesPerSecond": 1048576})
assert wait(second, "PREPARING")["Options"]["BytesPerSecond"] == 1048576
third = client.start_task_execution(TaskArn=task, Includes=rule("/A-3/*"))["TaskExecutionArn"]
assert wait(third, "QUEUED")["StartTime"]
assert client.describe_task(TaskArn=task)["Status"] == "RUNNING"
client.cancel_task_execution(TaskExecutionArn=third)
client.cancel_task_execution(TaskExecutionArn=second)
assert wait(second, "SUCCESS", "ERROR")["Result"]["ErrorCode"] == "Cancelled"

listed = [e["TaskExecutionArn"] for page in client.get_paginator("list_task_executions").paginate(TaskArn=task, MaxResults=2) for e in page["TaskExecutions"]]
assert listed == [third, second, first], listed
assert [t["TaskArn"] for t in client.list_tasks(Filters=[{"Name": "LocationId", "Operator": "In", "Values": [source]}])["Tasks"]] == [task]
refused("MaxResults", client.list_tasks, MaxResults=101)
refused("in use by task", client.delete_location, LocationArn=source)

agent = client.list_agents()["Agents"][0]["AgentArn"]
assert client.describe_agent(AgentArn=agent)["Status"] == "ONLINE"
client.tag_resource(ResourceArn=task, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
client.untag_resource(ResourceArn=task, Keys=["a"])
assert client.list_tags_for_resource(ResourceArn=task)["Tags"] == [{"Key": "c", "Value": "d"}]

refused("not found", client.describe_task, TaskArn=task[:-17] + "0" * 17)
refused("does not exist", client.describe_agent, AgentArn=agent[:-17] + "0" * 17)
refused("Value: ALL,REMOVE.", client.update_task, TaskArn=task, Options={"TransferMode": "ALL", "PreserveDeletedFiles": "REMOVE"})
refused(
    "CreateLocationNfs is not supported", client.create_location_nfs,
    Subdirectory="/x", ServerHostname="h", OnPremConfig={"AgentArns": [agent]},
)
client.delete_task(TaskArn=task)
client.delete_location(LocationArn=source)
print("all good")
