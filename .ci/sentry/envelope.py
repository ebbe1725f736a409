"""Reads an envelope more strictly than any server does, and says what in it breaks the promised shapes.

Servers forgive: a wrong `length`, an item without a type, a NaN. So a mistake would pass unseen there.
"""

import json
import math
import re

WORD = re.compile(r"[A-Za-z0-9_.-]+")
KEY = re.compile(r"([cdgs]):([A-Za-z0-9_.-]+)(?:@([A-Za-z0-9_.-]+))?")
MILLIS = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z")
STAT = re.compile(r"count|sum|min|max|p(\d+(?:\.\d+)?)")
TRACE_METRIC = "application/vnd.sentry.items.trace-metric+json"
# The units that Sentry's protocol knows.
UNITS = set(
    "nanosecond microsecond millisecond second minute hour day week ratio percent bit byte"
    " kilobyte kibibyte megabyte mebibyte gigabyte gibibyte terabyte tebibyte petabyte pebibyte exabyte exbibyte".split()
)
# Containers are one line of JSON, for which the length may be left out.
LINES = {"log", "trace_metric"}
# What may come along with an event or a transaction; no other two types share an envelope.
COMPANIONS = {"client_report", "session", "sessions", "attachment"}


class Bad(Exception):
    """What is wrong, and where."""


def need(condition, complaint):
    if not condition:
        raise Bad(complaint)


def strict_json(data, what):
    """JSON as the standard has it: UTF-8, no NaN, no number beyond a double, no key twice."""

    def once(pairs):
        keys = [key for key, _ in pairs]
        need(len(keys) == len(set(keys)), f"{what}: a key is there twice in {keys}")
        return dict(pairs)

    def finite(text):
        need(math.isfinite(value := float(text)), f"{what}: {text} is not a finite number")
        return value

    try:
        return json.loads(data.decode(), object_pairs_hook=once, parse_float=finite, parse_constant=finite)
    except ValueError as error:
        raise Bad(f"{what} is no JSON: {error}") from None


def parse(data):
    """The header and the items (header, payload) of an envelope."""

    def line(start, what):
        end = data.find(b"\n", start)
        need(end >= 0, f"{what} does not end with a newline")
        return data[start:end], end + 1

    text, at = line(0, "the envelope's header")
    header = strict_json(text, "the envelope's header")
    need(isinstance(header, dict), "the envelope's header is not an object")
    items = []
    while at < len(data):
        text, at = line(at, "an item's header")
        item = strict_json(text, "an item's header")
        need(isinstance(item, dict) and isinstance(item.get("type"), str), "an item has no type")
        if "length" in item:
            length = item["length"]
            need(type(length) is int and length >= 0, f"the length {length!r} is not one")
            need(data[at + length : at + length + 1] == b"\n", f"the length {length} is not that of the {item['type']}")
            payload, at = data[at : at + length], at + length + 1
        else:
            need(item["type"] in LINES, f"the item {item['type']} has no length")
            payload, at = line(at, "a payload")
        items.append((item, payload))
    need(items, "the envelope has no item")
    return header, items


def number(value, where):
    # A bool is an int in Python, and an int has no end.
    finite = math.isfinite(value) if type(value) is float else type(value) is int and abs(value) < 1 << 64
    need(finite, f"{where}: {value!r} is not a finite number")
    return value


def word(value, where):
    need(isinstance(value, str) and WORD.fullmatch(value), f"{where}: {value!r} is empty or has other characters than [A-Za-z0-9_.-]")


def texts(tags, where):
    need(isinstance(tags, dict) and tags, f"{where}: tags are an object, left out where empty, not {tags!r}")
    for key, value in tags.items():
        word(key, f"{where}, key of a tag")
        need(isinstance(value, str), f"{where}: the tag {key} is {value!r}, not a text")


def fields(value, required, optional, where):
    need(isinstance(value, dict), f"{where} is not an object")
    missing, unknown = required - value.keys(), value.keys() - required - optional
    need(not missing and not unknown, f"{where}: without {sorted(missing)}, and with {sorted(unknown)} that it should not have")


def adds_up(low, high, count, total, off=0):
    """Whether that many values between low and high have that sum; `off` is by how many the count may be."""
    slack = 1e-9 * max(1.0, abs(low), abs(high)) * max(count, 1)
    least, most = min((count - off) * low, (count + off) * low), max((count - off) * high, (count + off) * high)
    return low <= high and least - slack <= total <= most + slack


def runtime_metrics(payload):
    """Checks the payload and returns its counters, by name and tags."""
    fields(payload, {"timestamp", "platform", "metrics"}, set(), "runtime_metrics")
    timestamp = payload["timestamp"]
    need(isinstance(timestamp, str) and MILLIS.fullmatch(timestamp), f"timestamp {timestamp!r} is not RFC 3339 with ms in UTC")
    need(payload["platform"] == "rust", f"platform is {payload['platform']!r}")
    need(isinstance(payload["metrics"], list) and payload["metrics"], "metrics is not a list of something")
    seen, counters, distributions = set(), {}, {}
    for metric in payload["metrics"]:
        fields(metric, {"name", "type", "value"}, {"unit", "tags"}, "a metric")
        where = f"metric {metric['name']!r}"
        word(metric["name"], where)
        value = number(metric["value"], where)
        if "unit" in metric:
            word(metric["unit"], f"{where}, unit")
        if "tags" in metric:
            texts(metric["tags"], where)
        tags = dict(metric.get("tags", {}))
        series = (metric["name"], *sorted(tags.items()))
        need(series not in seen, f"{where} is there twice with the tags {tags}")
        seen.add(series)
        if metric["type"] == "counter":
            need(value >= 0, f"{where}: a counter of {value}")
            counters[series] = value
        elif metric["type"] == "distribution":
            stat = tags.pop("stat", None)
            need(stat and STAT.fullmatch(stat), f"{where}: stat is {stat!r}")
            distributions.setdefault((metric["name"], *sorted(tags.items())), {})[stat] = value
        else:
            need(metric["type"] == "gauge", f"{where}: type is {metric['type']!r}")
    for series, stats in distributions.items():
        count = stats.get("count", 0)
        need(type(count) is int and count >= 0, f"distribution {series}: count is {count!r}")
        if stats.keys() >= {"count", "sum", "min", "max"}:
            # Count and sum are read one after the other, while the program goes on recording.
            off = 4 + count // 100
            need(adds_up(stats["min"], stats["max"], count, stats["sum"], off), f"distribution {series} does not add up: {stats}")
        rising = [value for _, value in sorted((float(stat[1:]), value) for stat, value in stats.items() if stat[0] == "p")]
        need(rising == sorted(rising), f"distribution {series}: percentiles that fall: {stats}")
    return counters


def summary(value, where):
    """Checks a `_metrics_summary`."""
    need(isinstance(value, dict) and value, f"{where}: a summary is an object, left out where empty, not {value!r}")
    for key, entries in value.items():
        here = f"{where}, {key!r}"
        match = KEY.fullmatch(key)
        need(match, f"{here} is not a key")
        need(match[3] != "none", f"{here}: where there is no unit, none is written")
        need(isinstance(entries, list) and entries, f"{here} is not a list of something")
        seen = []
        for entry in entries:
            fields(entry, {"min", "max", "count", "sum"}, {"tags"}, here)
            low, high, total = (number(entry[name], f"{here}, {name}") for name in ("min", "max", "sum"))
            count = entry["count"]
            need(type(count) is int and count >= 1, f"{here}: count is {count!r}")
            need(adds_up(low, high, count, total), f"{here} does not add up: {entry}")
            if "tags" in entry:
                texts(entry["tags"], here)
            need(entry.get("tags") not in seen, f"{here}: the tags {entry.get('tags')} are there twice")
            seen.append(entry.get("tags"))


def hexes(value, digits, where):
    need(isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) and int(value, 16), f"{where}: {value!r} is not an id")


def summaries(place, where, *direct):
    """The summary at a place, which is in its field, in its data, or the same in both."""
    found = [*direct, place.get("_metrics_summary"), (place.get("data") or {}).get("_metrics_summary")]
    found = [one for one in found if one is not None]
    for one in found:
        summary(one, where)
        need(one == found[0], f"{where}: its two summaries differ")
    return found[0] if found else None


def transaction(payload):
    """Checks a transaction; returns the summary of the root and those of the spans, each None where there is none."""
    need(isinstance(payload, dict) and payload.get("type", "transaction") == "transaction", "the transaction is not one")
    trace = (payload.get("contexts") or {}).get("trace")
    need(isinstance(trace, dict), "the transaction has no trace context")
    hexes(trace.get("trace_id"), 32, "trace_id")
    hexes(trace.get("span_id"), 16, "span_id of the transaction")
    spans, ids = payload.get("spans", []), {trace["span_id"]}
    for span in spans:
        where = f"span {span.get('description')!r}"
        hexes(span.get("span_id"), 16, where)
        need(span["span_id"] not in ids, f"{where}: its id is there twice")
        ids.add(span["span_id"])
        need(span.get("trace_id") == trace["trace_id"], f"{where} is of another trace")
        hexes(span.get("parent_span_id"), 16, f"{where}, parent")
    root = summaries(trace, "the transaction", payload.get("_metrics_summary"))
    children = [summaries(span, f"span {span.get('description')!r}") for span in spans]
    for span, found in zip(spans, children):
        if span.get("op") in ("metric.timer", "metric.timing"):
            timer(span, found or {})
    return root, children


def timer(span, found):
    """A span that a timer made is named after its metric, has its value, and carries its tags."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", span.get("description") or "")
    own = [key for key in found if (match := KEY.fullmatch(key)) and match[1] == "d" and match[2] == name]
    entries = [entry for key in own for entry in found[key]]
    need(entries, f"the timer's span {name!r} has no summary of its own")
    tags = (span.get("tags") or {}).items()
    need(any(entry.get("tags", {}).items() <= tags for entry in entries), f"the timer's span {name!r} has not the tags of its metric")


def event(payload):
    """Checks an event; returns its context `runtime_metrics`, if it has one."""
    need(isinstance(payload, dict), "the event is not an object")
    context = (payload.get("contexts") or {}).get("runtime_metrics")
    if context is not None:
        need(isinstance(context, dict) and context.keys() - {"type"}, "the context runtime_metrics is not an object of something")
        for name, value in context.items():
            if not isinstance(value, str):
                number(value, f"context runtime_metrics, {name!r}")
    return context


def trace_metrics(header, payload):
    """Checks a container of `trace_metric` items."""
    need(header.get("content_type") == TRACE_METRIC, f"content_type is {header.get('content_type')!r}")
    need(isinstance(payload, dict) and isinstance(payload.get("items"), list) and payload["items"], "trace_metric without items")
    need(header.get("item_count") == len(payload["items"]), f"item_count is {header.get('item_count')!r} for {len(payload['items'])} items")
    kinds = {"string": str, "integer": int, "double": (int, float), "boolean": bool}
    for item in payload["items"]:
        fields(item, {"timestamp", "trace_id", "type", "name", "value"}, {"unit", "attributes", "span_id"}, "a trace metric")
        where = f"trace metric {item['name']!r}"
        word(item["name"], where)
        hexes(item["trace_id"], 32, where)
        need(number(item["timestamp"], where) > 0, f"{where}: no timestamp")
        need(item["type"] in ("counter", "gauge", "distribution"), f"{where}: type is {item['type']!r}")
        value = number(item["value"], where)
        need(item["type"] != "counter" or value >= 0, f"{where}: a counter of {value}")
        need("unit" not in item or item["unit"] in UNITS, f"{where}: Sentry knows no unit {item.get('unit')!r}")
        for key, attribute in item.get("attributes", {}).items():
            fields(attribute, {"value", "type"}, set(), f"{where}, attribute {key!r}")
            kind, value = attribute["type"], attribute["value"]
            need(kind in kinds and isinstance(value, kinds[kind]), f"{where}, attribute {key!r}: {value!r} is no {kind!r}")
            need(kind == "boolean" or not isinstance(value, bool), f"{where}, attribute {key!r}: {value!r} is no {kind!r}")
        size = len(json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode())
        need(size <= 2048, f"{where} has {size} bytes; Sentry drops one above 2 KiB")


def check(data):
    """Checks an envelope of ours; returns its items as (type, payload), the payload decoded where we know the type."""
    header, items = parse(data)
    kinds = [item["type"] for item, _ in items]
    main = set(kinds) - COMPANIONS
    need(len(main) <= 1, f"the envelope mixes {sorted(main)}")
    if "runtime_metrics" in main:
        need(set(kinds) == main, f"runtime_metrics shares its envelope with {sorted(set(kinds) - main)}")
        need("trace" not in header and "event_id" not in header, "runtime_metrics belongs to no event and no trace")
        sent = header.get("sent_at")
        need(isinstance(sent, str) and MILLIS.fullmatch(sent), f"sent_at {sent!r} is not RFC 3339 with ms in UTC")
    if main & {"event", "transaction"}:
        hexes(str(header.get("event_id")).replace("-", ""), 32, "event_id")
    checked = []
    for item, payload in items:
        kind = item["type"]
        if kind in ("runtime_metrics", "transaction", "event", "trace_metric"):
            payload = strict_json(payload, f"the {kind}")
        if kind == "runtime_metrics":
            need(item.get("content_type") == "application/json", f"content_type is {item.get('content_type')!r}")
            runtime_metrics(payload)
        elif kind == "transaction":
            transaction(payload)
        elif kind == "event":
            event(payload)
        elif kind == "trace_metric":
            trace_metrics(item, payload)
        checked.append((kind, payload))
    return checked
