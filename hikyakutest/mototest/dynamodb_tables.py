"""Tables of moto's DynamoDB with indexes.

moto goes through every item of a table for each query, and copies and converts
whole items to project them. Here each table keeps its entries in order, and
finds, projects and answers what is asked for with that. Whatever is out of the
ordinary (keys that are not text, legacy filters) is left to moto.
"""

import bisect

LIMIT = 1024 * 1024  # bytes of a page


def install():
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict
    from moto.dynamodb.models.table import Table

    put_item, delete_item, update_item = Table.put_item, Table.delete_item, DynamoDBBackend.update_item
    query, project = Table.query, Item.project

    def put(self, *args, **kwargs):
        item = put_item(self, *args, **kwargs)
        note(self, item)
        return item

    def delete(self, hash_key, range_key):
        item = delete_item(self, hash_key, range_key)
        if item is not None:
            forget(self, (hash_key.value, range_key.value if range_key else None))
        return item

    def update(self, table_name, key, *args, **kwargs):
        try:
            return update_item(self, table_name, key, *args, **kwargs)
        finally:
            table = self.get_table(table_name)
            note(table, table.get_item(*self.get_keys_value(table, key)))

    def narrow(self, expressions):
        if any(len(e) != 1 or "[" in e[0] for e in expressions):
            return project(self, expressions)
        part = Item.__new__(Item)
        part.hash_key, part.range_key, part.attrs = self.hash_key, self.range_key, LimitedSizeDict()
        for (name,) in expressions:
            if name in self.attrs:
                dict.__setitem__(part.attrs, name, self.attrs[name])
        return part

    def find(self, hash_key, range_comparison, range_objs, limit, exclusive_start_key, scan_index_forward,
             projection_expressions, index_name=None, consistent_read=False, filter_expression=None,
             hash_key_conditions=None, range_key_conditions=None, **filters):
        index = next((i for i in self.global_indexes if i.name == index_name), None)
        asked = [hash_key, *range_objs, *(v for _, v in hash_key_conditions or [])]
        ordinary = (
            self.range_key_attr and not filters and (index_name is None or index is not None) and not (index and consistent_read)
            and len(hash_key_conditions or []) <= 1 and len(range_key_conditions or []) <= 1
            and all(o is not None and o.type == "S" for o in asked) and range_comparison in RANGES
            and textual(self, index)
        )
        if not ordinary:
            return query(
                self, hash_key, range_comparison, range_objs, limit, exclusive_start_key, scan_index_forward,
                projection_expressions, index_name, consistent_read, filter_expression,
                hash_key_conditions=hash_key_conditions, range_key_conditions=range_key_conditions, **filters)
        places = order(self, index_name).get(hash_key.value, [])
        low, high = RANGES[range_comparison](places, *(o.value for o in range_objs))
        if exclusive_start_key is not None:
            names = (index.schema[1]["AttributeName"] if index else self.range_key_attr, self.hash_key_attr, self.range_key_attr)
            start = tuple(text(exclusive_start_key[n]) for n in names)
            if scan_index_forward is False:
                high = min(high, bisect.bisect_left(places, start))
            else:
                low = max(low, bisect.bisect_right(places, start))
        backward = scan_index_forward is False
        results, size, last = [], 0, None
        for n in range(high - 1, low - 1, -1) if backward else range(low, high):
            item = self.by_key[places[n][1:]]
            size += item.size()
            if len(results) == limit or size > LIMIT:
                last = self._get_last_evaluated_key(results[-1], index_name)
                break
            results.append(item)
        else:
            if results and len(results) == limit and (low > 0 if backward else high < len(places)):
                last = self._get_last_evaluated_key(results[-1], index_name)
        count = len(results)
        if index:
            results = [index.project(r) for r in results]
        if filter_expression is not None:
            results = [r for r in results if filter_expression.expr(r)]
        if projection_expressions:
            results = [r.project(projection_expressions) for r in results]
        return results, count, last

    Table.put_item, Table.delete_item, DynamoDBBackend.update_item = put, delete, update
    Table.query, Item.project = find, narrow


def text(value):
    """The text of an attribute as a request has it, or as moto does."""
    return value.value if hasattr(value, "value") else next(iter(value.values()))


def textual(table, index):
    kinds = {a["AttributeName"]: a["AttributeType"] for a in table.attr}
    names = [k["AttributeName"] for k in (index.schema if index else table.schema)]
    return len(names) == 2 and all(kinds.get(n) == "S" for n in [*names, *table.table_key_attrs])


RANGES = {
    None: lambda p: (0, len(p)),
    "=": lambda p, x: (bisect.bisect_left(p, (x,)), bisect.bisect_left(p, (x + "\0",))),
    "<": lambda p, x: (0, bisect.bisect_left(p, (x,))),
    "<=": lambda p, x: (0, bisect.bisect_left(p, (x + "\0",))),
    ">": lambda p, x: (bisect.bisect_left(p, (x + "\0",)), len(p)),
    ">=": lambda p, x: (bisect.bisect_left(p, (x,)), len(p)),
    "BETWEEN": lambda p, x, y: (bisect.bisect_left(p, (x,)), bisect.bisect_left(p, (y + "\0",))),
    "BEGINS_WITH": lambda p, x: (
        low := bisect.bisect_left(p, (x,)), bisect.bisect_left(p, True, low, key=lambda place: not place[0].startswith(x))),
}


def order(table, index_name):
    """The places of a table or an index by hash key: (range key, table's keys)."""
    if not hasattr(table, "orders"):
        table.orders, table.entries, table.by_key = {}, {}, {}
        for several in table.items.values():
            for item in several.values():
                note(table, item)
    return table.orders.setdefault(index_name, {})


def note(table, item):
    """Puts an item where its attributes say."""
    if item is None or not table.range_key_attr or not hasattr(table, "orders"):
        return
    key = (item.hash_key.value, item.range_key.value)
    table.by_key[key] = item
    now = {None: (key[0], key[1])}
    for index in table.global_indexes:
        values = [item.attrs.get(k["AttributeName"]) for k in index.schema]
        if len(values) == 2 and all(v is not None for v in values):
            now[index.name] = (values[0].value, values[1].value)
    before = table.entries.get(key, {})
    for name, (hash_value, range_value) in before.items():
        if now.get(name) != (hash_value, range_value):
            places = table.orders[name][hash_value]
            del places[bisect.bisect_left(places, (range_value, *key))]
    for name, (hash_value, range_value) in now.items():
        if before.get(name) != (hash_value, range_value):
            bisect.insort(table.orders.setdefault(name, {}).setdefault(hash_value, []), (range_value, *key))
    table.entries[key] = now


def forget(table, key):
    if not hasattr(table, "orders"):
        return
    table.by_key.pop(key, None)
    for name, (hash_value, range_value) in table.entries.pop(key, {}).items():
        places = table.orders[name][hash_value]
        del places[bisect.bisect_left(places, (range_value, *key))]
