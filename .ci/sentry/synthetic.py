"""Envelopes with the promised shapes, and many that each break one promise, to prove that the checks can fail.

    SENTRY_DSN=... python3 synthetic.py    sends the good ones as the example would, and ends
"""

import copy
import json
import os
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

TRACE, ROOT, CHILD, LEAF = "4c79f60c11214eb38604f4ae0781bfb2", "a1b2c3d4e5f60718", "b1b2c3d4e5f60718", "c1b2c3d4e5f60718"
EVENT = "fc6d8c0c43fc4630ad850ee518f1b9d0"


def entry(low, high, count, total, **tags):
    return {"min": low, "max": high, "count": count, "sum": total, **({"tags": tags} if tags else {})}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def envelope(header, *items):
    """The bytes, from a header and pairs (item header, payload); a length is added where it is None."""
    data = compact(header) + b"\n"
    for item, payload in items:
        payload = payload if isinstance(payload, bytes) else compact(payload)
        item = {key: len(payload) if value is None else value for key, value in item.items()}
        data += compact(item) + b"\n" + payload + b"\n"
    return data


def now(ago=0.0):
    return datetime.fromtimestamp(time.time() - ago, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def runtime_metrics(hits=3):
    stats = {"count": 4, "sum": 1.0, "min": 0.1, "max": 0.5, "p50": 0.2, "p90": 0.5, "p95": 0.5, "p99": 0.5}
    metrics = [
        {"name": "runtime.memory.rss", "type": "gauge", "value": 42000000, "unit": "bytes"},
        {"name": "cache.hits", "type": "counter", "value": hits, "tags": {"cache": "überall, 日本"}},
        *({"name": "cache.wait", "type": "distribution", "value": value, "unit": "seconds", "tags": {"stat": stat}}
          for stat, value in stats.items()),
    ]
    return {"timestamp": now(), "platform": "rust", "metrics": metrics}


def transaction(field=True, data=True):
    """A transaction whose summaries are in the fields of the RFC, in the data, or in both."""
    root = {"c:orders": [entry(1, 1, 2, 2, kind="book"), entry(5, 5, 1, 5)], "g:queue": [entry(-3.5, 4.0, 2, 0.5)]}
    child = {"d:latency@second": [entry(0.1, 0.3, 3, 0.6000000000000001, shop="größe")], "s:users": [entry(0.0, 1.0, 3, 2.0)]}

    def place(summary, **more):
        held = {"_metrics_summary": summary}
        return {**more, **(held if field else {}), **({"data": held} if data else {})}

    times = {"start_timestamp": time.time() - 0.2, "timestamp": time.time() - 0.1, "trace_id": TRACE}
    timed = {"d:save@second": [entry(0.1, 0.1, 1, 0.1, shop="x")]}
    spans = [
        place(child, span_id=CHILD, parent_span_id=ROOT, op="db", description="load", **times),
        place(timed, span_id=LEAF, parent_span_id=CHILD, op="metric.timer", description="save", tags={"shop": "x"}, **times),
        {"span_id": "d" * 16, "parent_span_id": CHILD, "op": "cache", "description": "without metrics", **times},
    ]
    top = {"_metrics_summary": root} if field else {}
    contexts = {"trace": place(root, trace_id=TRACE, span_id=ROOT, op="http.server", status="ok")}
    return {"event_id": EVENT, "type": "transaction", "transaction": "checkout", "platform": "native", "spans": spans, **top,
            "contexts": contexts, "start_timestamp": time.time() - 1, "timestamp": time.time()}


def event():
    # No two runs share an id: a server keeps an event once.
    context = {"type": "unknown", "runtime.memory.rss": 42000000, "cache.hits": 3.5, "runtime": "tokio"}
    return {"event_id": os.urandom(16).hex(), "timestamp": time.time(), "platform": "native", "level": "error",
            "exception": {"values": [{"type": "Refused", "value": "the payment was refused"}]}, "contexts": {"runtime_metrics": context}}


def trace_metric(**more):
    attributes = {"sentry.origin": {"value": "auto.rust.runtime_metrics", "type": "string"}, "shard": {"value": 3, "type": "integer"}}
    return {"timestamp": time.time(), "trace_id": TRACE, "type": "gauge", "name": "cache.wait.p99", "value": 0.5, "unit": "second",
            "attributes": attributes, **more}


def of_runtime_metrics(payload, item=None, header=None, *more):
    item = item or {"type": "runtime_metrics", "content_type": "application/json", "length": None}
    return envelope(header or {"dsn": "http://public@127.0.0.1/1", "sent_at": now()}, (item, payload), *more)


def of_transaction(payload, header=None):
    return envelope(header or {"event_id": EVENT}, ({"type": "transaction", "length": None}, payload))


def of_event(payload):
    return envelope({"event_id": payload["event_id"]}, ({"type": "event", "length": None}, payload))


def of_trace_metric(*items, **more):
    item = {"type": "trace_metric", "item_count": len(items), "content_type": "application/vnd.sentry.items.trace-metric+json", **more}
    return envelope({"sent_at": now()}, (item, {"items": list(items)}))


def good():
    item = {"type": "runtime_metrics", "content_type": "application/json", "length": None}
    return {
        "runtime metrics": of_runtime_metrics(runtime_metrics()),
        "runtime metrics, two items": of_runtime_metrics(runtime_metrics(4), None, None, (item, runtime_metrics(5))),
        "summaries in both places": of_transaction(transaction()),
        "summaries in fields": of_transaction(transaction(data=False)),
        "summaries in data": of_transaction(transaction(field=False)),
        "an event with the context": of_event(event()),
        "trace metrics": of_trace_metric(trace_metric(), trace_metric(type="counter", name="cache.hits", value=3)),
        "trace metrics with a length": of_trace_metric(trace_metric(), length=None),
    }


def hostile():
    """Each name says the one thing that is wrong."""
    found = {}
    base, line = of_runtime_metrics(runtime_metrics()), {"type": "runtime_metrics", "content_type": "application/json"}
    found["no newline at the end"] = base[:-1]
    found["something behind the last item"] = base + b"\n"
    found["a header that is no JSON"] = b"{nonsense\n" + base.split(b"\n", 1)[1]
    found["a header only"] = base.split(b"\n", 1)[0] + b"\n"
    found["nothing"] = b""
    found["not UTF-8"] = base.replace("überall".encode(), b"\xff\xfe" + b"berall"[:6])
    for name, length in {"too long": 99999, "too short": 3, "negative": -1, "a text": "153", "a bool": True}.items():
        found[f"a length that is {name}"] = of_runtime_metrics(runtime_metrics(), {**line, "length": length})
    found["no length"] = of_runtime_metrics(runtime_metrics(), line)
    found["no type"] = of_runtime_metrics(runtime_metrics(), {"content_type": "application/json", "length": None})
    found["another content type"] = of_runtime_metrics(runtime_metrics(), {**line, "content_type": "text/plain", "length": None})
    found["sent_at without ms"] = of_runtime_metrics(runtime_metrics(), None, {"sent_at": "2026-01-21T10:30:00Z"})
    found["a trace header"] = of_runtime_metrics(runtime_metrics(), None, {"sent_at": now(), "trace": {}})
    found["metrics beside an event"] = of_runtime_metrics(runtime_metrics(), None, None, ({"type": "event", "length": None}, event()))

    def payload(name, change):
        value = runtime_metrics()
        change(value)
        found[f"runtime_metrics: {name}"] = of_runtime_metrics(value)

    def metric(name, index=0, /, **change):
        payload(name, lambda value: value["metrics"][index].update(change))

    payload("no timestamp", lambda value: value.pop("timestamp"))
    payload("a timestamp that is no time", lambda value: value.update(timestamp="2026-13-01T00:00:00.000Z"))
    payload("a timestamp in a zone", lambda value: value.update(timestamp="2026-01-01T00:00:00.000+01:00"))
    payload("another platform", lambda value: value.update(platform="python"))
    payload("no metric", lambda value: value.update(metrics=[]))
    payload("metrics twice", lambda value: value["metrics"].append(value["metrics"][0]))
    payload("an unknown field", lambda value: value.update(extra=1))
    metric("an unknown field of a metric", extra=1)
    metric("an unknown type", type="histogram")
    metric("NaN", value=float("nan"))
    metric("infinity", value=float("inf"))
    found["runtime_metrics: beyond a double"] = of_runtime_metrics(compact(runtime_metrics()).replace(b"42000000", b"1e999"))
    metric("no value", value=None)
    metric("a text as value", value="42")
    metric("a bool as value", value=True)
    metric("an empty name", name="")
    metric("a name with a space", name="a b")
    metric("a name with a slash", name="a/b")
    metric("an empty unit", unit="")
    metric("a unit in brackets", unit="{count}")
    metric("empty tags", tags={})
    metric("a tag that is a number", tags={"a": 1})
    metric("a tag that is a bool", tags={"a": True})
    metric("a tag with a bad key", tags={"a b": "x"})
    metric("a negative counter", 1, value=-1)
    metric("a distribution without stat", 2, tags={"other": "x"})
    metric("an unknown stat", 2, tags={"stat": "mean"})
    metric("half a value counted", 2, value=4.5)
    metric("a sum that can't be", 3, value=100.0)
    metric("min above max", 4, value=0.7)
    metric("percentiles that fall", 9, value=0.1)
    twice = compact(runtime_metrics()).replace(b'"platform":"rust"', b'"platform":"rust","platform":"rust"')
    found["runtime_metrics: a key twice"] = of_runtime_metrics(twice)

    def of(name, make, change, wrap):
        value = copy.deepcopy(make())
        change(value)
        found[name] = wrap(value)

    def summary(name, key, *entries):
        change = {"_metrics_summary": {key: list(entries)}}
        of(f"summary: {name}", lambda: transaction(data=False), lambda value: value["spans"][0].update(change), of_transaction)

    fine = entry(1, 1, 1, 1)
    keys = ["orders", "x:orders", "c:", "c:orders@", "c:orders@none", "c:orders 1", "c:custom/orders", "c:orders@per second", "c:größe"]
    for key in keys:
        summary(f"the key {key!r}", key, fine)
    summary("no entry", "c:orders")
    summary("one object, not a list of them", "c:orders", [fine])
    summary("count 0", "c:orders", entry(0, 0, 0, 0))
    summary("count that is a float", "c:orders", entry(1, 1, 1.0, 1))
    summary("count that is a bool", "c:orders", entry(1, 1, True, 1))
    summary("min above max", "c:orders", entry(2, 1, 2, 3))
    summary("a sum below", "c:orders", entry(1, 2, 3, 2.9))
    summary("a sum above", "c:orders", entry(1, 2, 3, 6.1))
    summary("NaN", "g:queue", entry(float("nan"), 1, 1, 1))
    summary("null", "g:queue", entry(None, 1, 1, 1))
    summary("a text", "g:queue", entry("1", 1, 1, 1))
    summary("no sum", "g:queue", {"min": 1, "max": 1, "count": 1})
    summary("an unknown field", "g:queue", {**fine, "last": 1})
    summary("empty tags", "g:queue", {**fine, "tags": {}})
    summary("a tag that is a bool", "g:queue", entry(1, 1, 1, 1, success=True))
    summary("a tag that is a list", "g:queue", entry(1, 1, 1, 1, success=["a"]))
    summary("a tag with a bad key", "g:queue", {**fine, "tags": {"a:b": "c"}})
    summary("the same tags twice", "g:queue", fine, fine)

    def tx(name, change):
        of(f"transaction: {name}", transaction, change, of_transaction)

    tx("an empty summary", lambda value: value["spans"][2].update(_metrics_summary={}))
    tx("data and field of a span differ", lambda value: value["spans"][0].update(data={"_metrics_summary": {"c:x": [fine]}}))
    tx("context and top level differ", lambda value: value.update(_metrics_summary={"c:x": [fine]}))
    tx("no trace context", lambda value: value["contexts"].pop("trace"))
    tx("a span of another trace", lambda value: value["spans"][0].update(trace_id="e" * 32))
    tx("a span's id twice", lambda value: value["spans"][1].update(span_id=CHILD))
    tx("an id of zeros", lambda value: value["spans"][0].update(span_id="0" * 16))
    tx("a timer's span without summary", lambda value: [value["spans"][1].pop(key) for key in ("_metrics_summary", "data")])
    tx("a timer's span of another name", lambda value: value["spans"][1].update(description="other"))
    tx("a timer's span without tags", lambda value: value["spans"][1].pop("tags"))
    found["transaction: no event_id"] = of_transaction(transaction(), {"sent_at": now()})
    contexts = {"a list": [], "empty": {}, "only a type": {"type": "unknown"}, "a null": {"a": None}, "nested": {"a": {"b": 1}}}
    for name, context in contexts.items():
        of(f"context: {name}", event, lambda value: value["contexts"].update(runtime_metrics=context), of_event)
    found["trace metric: a wrong item_count"] = of_trace_metric(trace_metric(), item_count=2)
    found["trace metric: another content type"] = of_trace_metric(trace_metric(), content_type="application/json")
    found["trace metric: none"] = of_trace_metric()
    for name, change in {
        "a unit in the plural": {"unit": "bytes"},
        "a text as value": {"value": "1"},
        "no time": {"timestamp": 0},
        "a bad trace": {"trace_id": "x"},
        "an unknown type": {"type": "set"},
        "a negative counter": {"type": "counter", "value": -1, "unit": "byte"},
        "an attribute without type": {"attributes": {"a": {"value": 1}}},
        "an attribute of another type": {"attributes": {"a": {"value": 1, "type": "string"}}},
        "a bool as integer": {"attributes": {"a": {"value": True, "type": "integer"}}},
        "more than 2 KiB": {"attributes": {"a": {"value": "x" * 2048, "type": "string"}}},
    }.items():
        found[f"trace metric: {name}"] = of_trace_metric(trace_metric(**change))
    return found


# No proxy knows the way to our loopback address.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def send(dsn, data):
    """Posts an envelope as an SDK would; returns the status of the answer."""
    scheme, rest = dsn.split("://")
    key, place = rest.split("@")
    host, project = place.rsplit("/", 1)
    auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}", "Content-Type": "application/x-sentry-envelope"}
    request = urllib.request.Request(f"{scheme}://{host}/api/{project}/envelope/", data, auth)
    try:
        with direct(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


if __name__ == "__main__":
    for sent in good().values():
        # The header's DSN is not that of the server; it knows us by the request's.
        header, rest = sent.split(b"\n", 1)
        header = {key: value for key, value in json.loads(header).items() if key != "dsn"}
        if (status := send(os.environ["SENTRY_DSN"], compact(header) + b"\n" + rest)) != 200:
            raise SystemExit(f"answered {status}")
