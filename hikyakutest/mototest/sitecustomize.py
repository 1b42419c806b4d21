"""Corrections of moto 5.2, applied to each module when moto imports it.

Python imports this file at its start because the folder it lies in is on
PYTHONPATH. What is corrected, and why, stands at each function. A correction
that does not fit ends the server: a test on half-corrected moto would lie.
"""

import copy
import datetime
import importlib.abc
import importlib.machinery
import inspect
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
import uuid


def dynamodb(module):
    """DynamoDB serialises writes of an item; moto's threads do not, so that it
    grants one lease twice. And a transaction copies the whole table to be able
    to roll back, sorts it for every query of an index, and does not know a
    repeated request by its token."""
    handler, lock, answered = module.DynamoHandler, threading.RLock(), {}
    call_action = handler.call_action

    def serialised(self):
        with lock:
            return call_action(self)

    handler.call_action = serialised
    transact = handler.transact_write_items

    def transact_write_items(self):
        token = self.body.get("ClientRequestToken")
        request = json.dumps(self.body["TransactItems"], sort_keys=True, default=repr)
        now = time.monotonic()
        if token in answered and now - answered[token][0] < 600:
            if answered[token][1] != request:
                raise module.MockValidationException("IdempotentParameterMismatch")
            return module.ActionResult({"ConsumedCapacity": [], "ItemCollectionMetrics": {}})
        undo = [touched(self.dynamodb_backend, list(i.values())[0], "Put" in i) for i in self.body["TransactItems"]]
        within.transaction = True
        try:
            result = transact(self)
        except BaseException:
            for restore in undo:
                restore()
            raise
        finally:
            within.transaction = False
        if token:
            answered[token] = (now, request)
        return result

    handler.transact_write_items = transact_write_items
    within = threading.local()

    def touched(backend, op, put):
        table = backend.get_table(op["TableName"])
        names = [n for n in (table.hash_key_attr, table.range_key_attr) if n]
        source = op["Item"] if put else op["Key"]
        key = backend.get_keys_value(table, {n: source[n] for n in names})
        before = copy.deepcopy(table.get_item(*key))

        def restore():
            if before is None:
                table.delete_item(*key)
            elif key[1]:
                table.items[key[0]][key[1]] = before
            else:
                table.items[key[0]] = before

        return restore

    from moto.dynamodb.models.table import Table

    def clone(self, memo):
        if getattr(within, "transaction", False):
            return self  # rolled back item by item
        new = copy.copy(self)
        memo[id(self)] = new
        new.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return new

    Table.__deepcopy__ = clone
    all_items = Table.all_items

    def sorted_items(self):
        if not self.range_key_attr:
            return all_items(self)
        attribute, value = getattr(within, "only", None) or (None, None)
        if value is None:
            items = [i for hash_set in self.items.values() for i in hash_set.values()]
        elif attribute is None:
            items = list((self.items.get(value) or {}).values())
        else:
            found = ((i, i.attrs.get(attribute)) for hash_set in self.items.values() for i in hash_set.values())
            items = [i for i, a in found if a is not None and a.value == value.value]
        return sorted(items, key=lambda i: (str(i.hash_key.value), str(i.range_key.value)))

    Table.all_items = sorted_items
    query, signature = Table.query, inspect.signature(Table.query)

    def narrowed(self, *args, **kwargs):
        """A query looks at every item of the table otherwise, and sorts them."""
        asked = signature.bind(self, *args, **kwargs).arguments
        conditions = asked.get("hash_key_conditions") or []
        if not asked.get("index_name"):
            within.only = (None, asked.get("hash_key"))
        elif conditions:
            within.only = conditions[0]
        try:
            return query(self, *args, **kwargs)
        finally:
            within.only = None

    Table.query = narrowed


def sqs(module):
    """moto has no message move tasks."""
    from moto.sqs.models import Queue

    response, add_message = module.SQSResponse, Queue.add_message
    tasks = []

    def remembering(self, message):
        home = getattr(message, "home", None)
        if home and home != self.queue_arn:
            message.dead_from = home  # what SQS itself moved here knows where it came from
        message.home = self.queue_arn
        return add_message(self, message)

    Queue.add_message = remembering

    def named(self, arn):
        return self.sqs_backend.get_queue(arn.split(":")[-1])

    def start_message_move_task(self):
        source_arn, target_arn = self._get_param("SourceArn"), self._get_param("DestinationArn")
        source = named(self, source_arn)
        waiting = list(source.messages)
        task = {
            "TaskHandle": uuid.uuid4().hex, "Status": "COMPLETED", "SourceArn": source_arn,
            "ApproximateNumberOfMessagesToMove": len(waiting), "ApproximateNumberOfMessagesMoved": 0,
            "StartedTimestamp": int(time.time() * 1000),
        }
        if target_arn:
            task["DestinationArn"] = target_arn
        for message in waiting:
            target = target_arn or getattr(message, "dead_from", None)
            if not target:
                task.update(Status="FAILED", FailureReason="CouldNotDetermineMessageSource")
                break
            source._messages.remove(message)
            moved = copy.deepcopy(message)
            moved.id, moved.approximate_receive_count = str(uuid.uuid4()), 0
            moved.approximate_first_receive_timestamp, moved.visible_at = None, 0.0
            moved.home = None
            moved.mark_sent()
            named(self, target).add_message(moved)
            task["ApproximateNumberOfMessagesMoved"] += 1
        tasks.insert(0, task)
        return module.ActionResult({"TaskHandle": task["TaskHandle"]})

    def list_message_move_tasks(self):
        arn, most = self._get_param("SourceArn"), int(self._get_param("MaxResults") or 1)
        found = [dict(t) for t in tasks if t["SourceArn"] == arn][:most]
        for t in found:
            t.pop("TaskHandle")  # given only while it runs
        return module.ActionResult({"Results": found})

    response.start_message_move_task = start_message_move_task
    response.list_message_move_tasks = list_message_move_tasks


def state_machine(module):
    """Every StartExecution after the first fails: its copy of the machine drags
    the whole backend along (getmoto/moto#10077)."""

    def clone(self, memo):
        new = copy.copy(self)
        new.executions = []
        return new

    module.StateMachine.__deepcopy__ = clone


def tokens(module):
    """A token that nobody waits for is an error of the caller's; moto answers
    500, which says that it may be used again, or takes the token of an execution
    that was stopped."""
    from moto.core.exceptions import AWSError

    backend = module.StepFunctionsParserBackend
    send = backend.send_task_success

    def stopped(self, task_token):
        for execution in (e for m in self.state_machines for e in m.executions):
            worker = execution.exec_worker
            if worker and task_token in worker.env.callback_pool_manager._pool:
                return execution.exec_status not in (None, module.ExecutionStatus.RUNNING)
        return False

    def send_task_success(self, task_token, outcome):
        if stopped(self, task_token):
            raise AWSError("Task Timed Out", exception_type="TaskTimedOut")
        try:
            return send(self, task_token, outcome)
        except (module.InvalidToken, module.TaskDoesNotExist, module.TaskTimedOut) as error:
            name = type(error).__name__
            raise AWSError(str(error) or name, exception_type=name) from error

    backend.send_task_success = send_task_success


def jsonata(module):
    """moto has no JSONata evaluator; node's stands in. NODE_PATH says where the
    npm package jsonata is."""
    lock, bridge = threading.Lock(), []

    def evaluate(expression):
        with lock:
            if not bridge:
                node = shutil.which("node")
                if not node:
                    raise module.JSONataException("UNKNOWN", "node is needed to evaluate JSONata")
                script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jsonata_bridge.js")
                bridge.append(subprocess.Popen([node, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            try:
                bridge[0].stdin.write(json.dumps(expression) + "\n")
                bridge[0].stdin.flush()
                answer = json.loads(bridge[0].stdout.readline())
            except (OSError, ValueError):
                bridge.clear()
                raise module.JSONataException("UNKNOWN", "the JSONata bridge ended; is the npm package jsonata in NODE_PATH?")
        if "err" in answer:
            raise module.JSONataException("UNKNOWN", answer["err"])
        return answer["ok"]

    module._eval_jsonata = evaluate


def routed(module):
    """States that call a service reach the server that AWS_ENDPOINT_URL_<SERVICE>
    names: our DataSync, our functions."""
    import boto3

    client_for = module.boto_client_for

    def client(region, service, state_credentials=None):
        url = os.environ.get("AWS_ENDPOINT_URL_" + service.upper())
        if not url:
            return client_for(region=region, service=service, state_credentials=state_credentials)
        return boto3.client(
            service, region_name=region, endpoint_url=url,
            aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "a"),
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "b"),
        )

    module.boto_client_for = client


def aws_sdk(module):
    """Errors carry the name AWS gives them, and times are text, as in any JSON;
    moto keeps Python's objects, which DescribeExecution then chokes on."""
    routed(module)
    module._SERVICE_ERROR_NAMES["datasync"] = "DataSync"
    service = module.StateTaskServiceAwsSdk
    call = service._eval_service_task

    def text(value):
        if isinstance(value, datetime.datetime):
            utc = value.astimezone(datetime.timezone.utc)
            return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if isinstance(value, dict):
            return {k: text(v) for k, v in value.items()}
        if isinstance(value, list):
            return [text(v) for v in value]
        return value

    def eval_service_task(self, env, *args, **kwargs):
        call(self, env, *args, **kwargs)
        env.stack.append(text(env.stack.pop()))

    service._eval_service_task = eval_service_task


TASKS = "moto.stepfunctions.parser.asl.component.state.exec.state_task."

CORRECTIONS = {
    "moto.dynamodb.responses": dynamodb,
    "moto.sqs.responses": sqs,
    "moto.stepfunctions.models": state_machine,
    "moto.stepfunctions.parser.models": tokens,
    "moto.stepfunctions.parser.asl.jsonata.jsonata": jsonata,
    TASKS + "lambda_eval_utils": routed,
    TASKS + "service.state_task_service_aws_sdk": aws_sdk,
}


class Corrector(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        correct = CORRECTIONS.get(name)
        if correct is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            try:
                correct(module)
            except Exception:
                traceback.print_exc()
                os._exit(70)

        spec.loader.exec_module = exec_module
        return spec


logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for every request
sys.meta_path.insert(0, Corrector())
