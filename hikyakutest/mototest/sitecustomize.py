"""Corrections of moto 5.2, applied to each module when moto imports it.

Python imports this file at its start because the folder it lies in is on
PYTHONPATH. What is corrected, and why, stands at each function. A correction
that does not fit ends the server: a test on half-corrected moto would lie.
"""

import base64
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
    to roll back, and does not know a repeated request by its token."""
    import dynamodb_tables
    import dynamodb_updates

    within = threading.local()
    dynamodb_updates.install(module, lambda: getattr(within, "transaction", False))
    dynamodb_tables.install()
    handler, lock, answered = module.DynamoHandler, threading.RLock(), {}
    call_action = handler.call_action

    def serialised(self):
        with lock:
            return call_action(self)

    handler.call_action = serialised
    serialized = handler.serialized

    def plainly(self, answer):
        """What holds nothing but items is JSON already."""
        if type(answer) is not module.DynamoResult or self._get_action() not in ("GetItem", "BatchGetItem", "Query", "UpdateItem"):
            return serialized(self, answer)
        body = json.dumps(answer.result, default=lambda b: base64.b64encode(b).decode())
        return 200, {"Content-Type": "application/x-amz-json-1.0", **self.response_headers}, body

    handler.serialized = plainly
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
            dynamodb_tables.note(table, before)

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


def sqs(module):
    """moto has no message move tasks. It loses what is sent while something is
    deleted, and looks at every message of a queue again and again."""
    from moto.sqs.models import Message, Queue, ReceiptHandleIsInvalid, SQSBackend

    response, add_message = module.SQSResponse, Queue.add_message
    tasks = []

    def remembering(self, message):
        home = getattr(message, "home", None)
        if home and home != self.queue_arn:
            message.dead_from = home  # what SQS itself moved here knows where it came from
        message.home = self.queue_arn
        return add_message(self, message)

    Queue.add_message = remembering

    def delete_message(self, handle):
        with self._messages_lock:
            if handle in self.deleted_messages:
                return
            found = next((m for m in self._messages if handle == m.receipt_handle or handle in m._old_receipt_handles), None)
            if found is None:
                raise ReceiptHandleIsInvalid()
            self.pending_messages.discard(found)
            self.deleted_messages.update(found.all_receipt_handles)
            self._messages.remove(found)

    def retained(self, queue_name, message):
        queue = self.get_queue(queue_name)
        return queue.message_retention_period + message.sent_timestamp / 1000 > time.time()

    def visible(self):
        return time.time() * 1000 > self.visible_at

    def delayed(self):
        return time.time() * 1000 < self.delayed_until

    class Visible(list):
        """The messages that can be received, looked for one by one."""

        def __iter__(self):
            return (m for m in super().__iter__() if m.visible and not m.delayed)

        def __bool__(self):
            return next(iter(self), None) is not None

        def __len__(self):
            return sum(1 for _ in self)

    Queue.delete_message, SQSBackend.is_message_valid_based_on_retention_period = delete_message, retained
    Message.visible, Message.delayed = property(visible), property(delayed)
    Queue.messages = property(lambda self: Visible(self._messages))

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


def applications(module):
    """Whose application answers a request is looked up among all of them, under
    a lock; it is the same for every request with the same scope."""
    dispatcher = module.DomainDispatcherApplication
    get_application, known = dispatcher.get_application, {}

    def remembered(self, environ):
        path = environ.get("PATH_INFO", "")
        scope = environ.get("HTTP_AUTHORIZATION", "").partition(",")[0].split("/")[2:]
        if len(scope) != 3 or scope[1] not in ("dynamodb", "sqs", "events", "ssm") or path != "/":
            return get_application(self, environ)
        target = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")[0]
        name = (*scope[:2], target)
        if name not in known:
            known[name] = get_application(self, environ)
        return known[name]

    dispatcher.get_application = remembered


def event_templates(module):
    """moto builds the parser of JSON paths anew for each path of each event."""
    import functools

    import jsonpath_ng.ext

    jsonpath_ng.ext.parse = functools.lru_cache(jsonpath_ng.ext.parse)


def s3(module):
    """To list a few of a bucket's objects moto copies all of them."""
    backend = module.S3Backend
    list_objects = backend.list_objects

    class Part:
        def __init__(self, keys):
            self.keys = keys

    def narrowed(self, bucket, prefix, *args, **kwargs):
        if prefix and not isinstance(bucket, module.FakeTableStorageBucket):
            found = ((n, bucket.keys.get(n)) for n in list(bucket.keys) if n.startswith(prefix))
            bucket = Part({n: key for n, key in found if key is not None})
        return list_objects(self, bucket, prefix, *args, **kwargs)

    backend.list_objects = narrowed


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


def stops(module):
    """StopExecution ends an execution that waits for a task token at once; moto
    waits on until the token is used or its time is up, and takes what that
    breaks for a failure."""
    environment = module.Environment
    set_stop, set_error = environment.set_stop, environment.set_error

    def stop(self, *args, **kwargs):
        set_stop(self, *args, **kwargs)
        for endpoint in list(self.callback_pool_manager._pool.values()):
            endpoint.interrupt_all()

    def fail(self, *args, **kwargs):
        if not isinstance(self._program_state, module.ProgramStopped):
            set_error(self, *args, **kwargs)

    environment.set_stop, environment.set_error = stop, fail


def stopped_waiting(module):
    """What was interrupted because its execution was stopped did not time out."""
    service = module.StateTaskServiceCallback
    from_error = service._from_error

    def unless_stopped(self, env, ex):
        if not env.is_running():
            raise ex
        return from_error(self, env=env, ex=ex)

    service._from_error = unless_stopped


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

def http_server(module):
    import http_server

    http_server.install(module)


CORRECTIONS = {
    "moto.server": http_server,
    "moto.moto_server.werkzeug_app": applications,
    "moto.events.utils": event_templates,
    "moto.dynamodb.responses": dynamodb,
    "moto.s3.models": s3,
    "moto.sqs.responses": sqs,
    "moto.stepfunctions.models": state_machine,
    "moto.stepfunctions.parser.models": tokens,
    "moto.stepfunctions.parser.asl.eval.environment": stops,
    "moto.stepfunctions.parser.asl.jsonata.jsonata": jsonata,
    TASKS + "lambda_eval_utils": routed,
    TASKS + "service.state_task_service_aws_sdk": aws_sdk,
    TASKS + "service.state_task_service_callback": stopped_waiting,
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
