"""Update expressions of moto's DynamoDB, carried out quickly.

moto parses, validates and executes an expression in milliseconds, a long one in
tens of them. It does so here the first time that it sees one; from then on the
plain ones are carried out directly. The test TestStart_updates compares both.
"""

import functools
import re

NAME, VALUE = r"\s*#(\w+)\s*", r"\s*(:\w+)\s*"
SECTIONS = re.compile(r"(?<![#:\w])(SET|REMOVE|ADD|DELETE)\s")
KINDS = {
    "SET": [
        ("set", re.compile(NAME + "=" + VALUE)),
        ("append", re.compile(NAME + r"=\s*list_append\(\s*if_not_exists\(" + NAME + "," + VALUE + r"\)\s*," + VALUE + r"\)\s*")),
    ],
    "REMOVE": [("remove", re.compile(NAME))],
    "ADD": [("add", re.compile(NAME + VALUE))],
    "DELETE": [("delete", re.compile(NAME + VALUE))],
}


@functools.lru_cache(4096)
def steps(expression):
    """What an expression does, in order; None if it is out of the ordinary."""
    parts = SECTIONS.split(expression)
    if parts[0].strip():
        return None
    found = []
    for word, body in zip(parts[1::2], parts[2::2]):
        at = 0
        while True:
            for kind, pattern in KINDS[word]:
                match = pattern.match(body, at)
                if match and (match.end() == len(body) or body[match.end()] == ","):
                    break
            else:
                return None
            found.append((kind, *match.groups()))
            if match.end() == len(body):
                break
            at = match.end() + 1
    names = [step[1] for step in found]
    return found if len(set(names)) == len(names) else None


def install(responses, in_transaction):
    from moto.dynamodb.comparisons import get_filter_expression
    from moto.dynamodb.exceptions import ConditionalCheckFailed, ItemSizeToUpdateTooLarge
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.dynamo_type import DynamoType

    slow, seen = DynamoDBBackend.update_item, set()

    def update_item(self, table_name, key, update_expression, expression_attribute_names, expression_attribute_values,
                    attribute_updates=None, expected=None, condition_expression=None, return_values_on_condition_check_failure=None):
        table = self.get_table(table_name)
        plan = None
        if update_expression in seen and table.range_key_attr and table.stream_shard is None and not attribute_updates and not expected:
            plan = changes(update_expression, expression_attribute_names or {}, expression_attribute_values or {}, table)
        if plan is None:
            item = slow(self, table_name, key, update_expression, expression_attribute_names, expression_attribute_values, attribute_updates,
                        expected, condition_expression, return_values_on_condition_check_failure)
            seen.add(update_expression)
            return item
        hash_key, range_key = self.get_keys_value(table, key)
        item = table.get_item(hash_key, range_key)
        if condition_expression and not in_transaction():  # else it was asked already
            if not get_filter_expression(condition_expression, expression_attribute_names, expression_attribute_values).expr(item):
                if item is not None and return_values_on_condition_check_failure == "ALL_OLD":
                    raise ConditionalCheckFailed(item=item.to_json()["Attributes"])
                raise ConditionalCheckFailed
        old = item.attrs if item is not None else {}
        new = {}
        for name, change in plan:
            value = change(old)
            if value is unlike or value is not None and name in index_keys(table) and (value.type != "S" or not value.value):
                return slow(self, table_name, key, update_expression, expression_attribute_names, expression_attribute_values)
            new[name] = value
        if item is None:
            table.put_item(dict(key))
            item = table.get_item(hash_key, range_key)
        for name, value in new.items():
            if value is None:
                item.attrs.pop(name, None)
            else:
                dict.__setitem__(item.attrs, name, value)
        if item.size() > 405000:
            raise ItemSizeToUpdateTooLarge()
        return item

    def changes(expression, names, values, table):
        """For each attribute what it becomes, given the old ones."""
        plan = []
        for kind, name, *more in steps(expression) or []:
            name = names.get("#" + name)
            given = [DynamoType(values[v]) for v in more if v in values]
            if name is None or name in table.table_key_attrs or len(given) != sum(v.startswith(":") for v in more):
                return None  # moto says what is wrong with it, if anything is
            if kind == "append":
                given.insert(0, names.get("#" + more[0]))
            plan.append((name, functools.partial(WHAT[kind], name, *given)))
        return plan or None

    responses.UpdateExpressionParser = Parser
    DynamoDBBackend.update_item = update_item


def index_keys(table):
    if not hasattr(table, "index_keys"):
        table.index_keys = {k["AttributeName"] for i in table.all_indexes() for k in i.schema}
    return table.index_keys


unlike = object()  # types that moto has something to say about


def appended(_, source, default, more, old):
    first = old.get(source, default)
    if first.type != "L" or more.type != "L":
        return unlike
    return same(first, [*first.value, *more.value])


def added(name, value, old):
    before = old.get(name)
    if before is None:
        return value if value.type in ("N", "SS") else unlike
    if before.type != value.type or value.type not in ("N", "SS"):
        return unlike
    if value.type == "SS":
        return same(value, sorted({*before.value, *value.value}))
    if not (whole(before.value) and whole(value.value)):
        return unlike
    return same(value, str(int(before.value) + int(value.value)))


def deleted(name, value, old):
    before = old.get(name)
    if before is None:
        return None
    if before.type != "SS" or value.type != "SS":
        return unlike
    rest = [v for v in before.value if v not in value.value]
    return same(value, rest) if rest else None


WHAT = {"set": lambda _, value, old: value, "remove": lambda _, old: None, "append": appended, "add": added, "delete": deleted}


def whole(text):
    return re.fullmatch(r"-?\d+", text) is not None


def same(like, value):
    """A value of the same type."""
    new = type(like).__new__(type(like))
    new.type, new.value = like.type, value
    return new


class Parser:
    """moto's parser for the checks of a request, which only count names."""

    @staticmethod
    @functools.lru_cache(4096)
    def make(expression):
        from moto.dynamodb.parsing.expressions import UpdateExpressionParser

        return Parsed(UpdateExpressionParser.make(expression))


class Parsed:
    def __init__(self, tree):
        self.tree, self.found = tree, {}

    def find_clauses(self, kinds):
        kinds = tuple(kinds)
        if kinds not in self.found:
            self.found[kinds] = self.tree.find_clauses(list(kinds))
        return list(self.found[kinds])
