"""Drives an SQS endpoint with boto3. Usage: boto3_check.py ENDPOINT_URL"""

import hashlib
import json
import struct
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]


def connect(key="AKADMIN", secret=None, token=None):
    return boto3.client(
        "sqs", endpoint_url=URL, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret or key * 2,
        aws_session_token=token, config=Config(retries={"max_attempts": 0}),
    )


def refused(code, call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, (code, e.response)
        return e.response
    raise AssertionError(f"{code} expected")


def attributes_md5(attributes):
    out = b""
    for name in sorted(attributes):
        a = attributes[name]
        for s in (name, a["DataType"]):
            out += struct.pack("!I", len(s.encode())) + s.encode()
        binary = a["DataType"].startswith("Binary")
        value = a["BinaryValue"] if binary else a["StringValue"].encode()
        out += (b"\x02" if binary else b"\x01") + struct.pack("!I", len(value)) + value
    return hashlib.md5(out).hexdigest()


def messages():
    sqs = connect()
    url = sqs.create_queue(QueueName="boto", Attributes={"VisibilityTimeout": "5"}, tags={"team": "blue"})["QueueUrl"]
    assert url == URL + "/000000000000/boto", url
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "blue"}
    attributes = {
        "text": {"DataType": "String", "StringValue": "a \u00e9 \U0001F680"},
        "num.x": {"DataType": "Number.int", "StringValue": "-12.50"},
        "bin": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    body = "line\n\ttab \u00e9 \U0001F680 <&>\""
    sent = sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5"}},
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5(body.encode()).hexdigest()
    assert sent["MD5OfMessageAttributes"] == attributes_md5(attributes), sent
    assert sent["MD5OfMessageSystemAttributes"] == attributes_md5({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5"}})
    got = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"], WaitTimeSeconds=2)["Messages"]
    assert len(got) == 1 and got[0]["Body"] == body and got[0]["MessageId"] == sent["MessageId"], got
    assert got[0]["MessageAttributes"] == attributes, got
    assert got[0]["MD5OfMessageAttributes"] == attributes_md5(attributes)
    system = got[0]["Attributes"]
    assert system["SenderId"] == "AKADMIN" and system["ApproximateReceiveCount"] == "1" and system["AWSTraceHeader"] == "Root=1-5", system
    assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["num.*"])["Messages"]
    assert list(again[0]["MessageAttributes"]) == ["num.x"] and "Attributes" not in again[0], again
    assert again[0]["MD5OfMessageAttributes"] == attributes_md5({"num.x": attributes["num.x"]})
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again[0]["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again[0]["ReceiptHandle"])

    batch = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": f"m{i}"} for i in range(9)] + [{"Id": "bad", "MessageBody": "\x01"}])
    assert len(batch["Successful"]) == 9 and batch["Failed"][0]["Code"] == "InvalidMessageContents" and batch["Failed"][0]["SenderFault"], batch
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(m["Body"] for m in got) == [f"m{i}" for i in range(9)], got
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 60} for m in got])
    assert len(changed["Successful"]) == 9 and not changed.get("Failed"), changed
    gone = sqs.delete_message_batch(
        QueueUrl=url, Entries=[{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in got] + [{"Id": "x", "ReceiptHandle": "nonsense"}])
    assert len(gone["Successful"]) == 9 and gone["Failed"][0]["Code"] == "ReceiptHandleIsInvalid", gone
    assert "Messages" not in sqs.receive_message(QueueUrl=url)

    big = "x" * (1 << 20)
    sqs.send_message(QueueUrl=url, MessageBody=big)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == big
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody=big + "x")
    refused("AWS.SimpleQueueService.BatchRequestTooLong", sqs.send_message_batch, QueueUrl=url,
            Entries=[{"Id": "a", "MessageBody": big}, {"Id": "b", "MessageBody": "x"}])


def dead_letters():
    sqs = connect()
    dlq = sqs.create_queue(QueueName="boto-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="boto-main", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    assert sqs.list_dead_letter_source_queues(QueueUrl=dlq)["queueUrls"] == [url]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    dead = sqs.receive_message(QueueUrl=dlq, AttributeNames=["All"], WaitTimeSeconds=5, VisibilityTimeout=0)["Messages"][0]
    assert dead["Attributes"]["DeadLetterQueueSourceArn"] == arn.replace("boto-dlq", "boto-main"), dead
    handle = sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    back = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]
    assert back["Body"] == "poison" and back["MessageId"] != dead["MessageId"], (back, dead)
    deadline = time.time() + 10
    while (task := sqs.list_message_move_tasks(SourceArn=arn)["Results"][0])["Status"] != "COMPLETED":
        assert time.time() < deadline, task
        time.sleep(0.05)
    assert task["ApproximateNumberOfMessagesMoved"] == 1 and "TaskHandle" not in task, task
    refused("AWS.SimpleQueueService.UnsupportedOperation", sqs.cancel_message_move_task, TaskHandle=handle)
    refused("ResourceNotFoundException", sqs.cancel_message_move_task, TaskHandle="none")


def refusals():
    sqs = connect()
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="none")
    response = refused("AWS.SimpleQueueService.NonExistentQueue", sqs.receive_message, QueueUrl=URL + "/000000000000/none")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400 and response["Error"]["Type"] == "Sender", response
    refused("QueueAlreadyExists", sqs.create_queue, QueueName="boto", Attributes={"VisibilityTimeout": "6"})
    refused("InvalidAttributeName", sqs.create_queue, QueueName="b2", Attributes={"Nonsense": "1"})
    refused("InvalidAttributeValue", sqs.create_queue, QueueName="b2", Attributes={"DelaySeconds": "901"})
    refused("InvalidParameterValue", sqs.create_queue, QueueName="a b")
    refused("AWS.SimpleQueueService.UnsupportedOperation", sqs.create_queue, QueueName="a.fifo", Attributes={"FifoQueue": "true"})
    url = sqs.get_queue_url(QueueName="boto")["QueueUrl"]
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="x")
    refused("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody="\x00")
    refused("MissingParameter", sqs.send_message, QueueUrl=url, MessageBody="")
    sqs.purge_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, QueueUrl=url)
    refused("InvalidClientTokenId", connect("AKNOBODY").list_queues)
    refused("SignatureDoesNotMatch", connect(secret="wrong").list_queues)
    refused("InvalidClientTokenId", connect(token="token").list_queues)
    refused("AccessDenied", connect("AKPRODUCER").list_queues)
    refused("AccessDenied", connect("AKVIEWER").send_message, QueueUrl=url, MessageBody="x")
    connect("AKPRODUCER").send_message(QueueUrl=url, MessageBody="x")


for check in (messages, dead_letters, refusals):
    check()
print("ok")
