"""Golden span summaries: what sentry-sdk 2.19.2, an implementation of RFC 0123 by its authors, makes of calls.json.

    python3 golden.py --write      makes golden.json anew
    python3 golden.py              makes it anew and compares; ends with 1 where it differs
    python3 golden.py --self-test  proves that the comparison can fail, and the differences below

golden.json has what the SDK sent, untouched, of each transaction and span: op, description, tags and summary; only
what no two runs share (ids, times) is left out. A test in Rust makes the same calls through the library and compares.
The two differ on purpose as follows, and `normalise` below is what the test has to do to the SDK's output:

1. The SDK writes `@none` where there is no unit; the RFC's own example and we write nothing.
2. The SDK adds the tags release, environment and transaction to every entry; the RFC has none of them.
3. The SDK writes empty tags as `{}`; RFC and we leave them out.
4. Set: the SDK records 1 for a member that is new in the last ten seconds *of the process* and 0 for another, so
   what a span says depends on other spans. We say what the RFC says: that a value was added; each call is a 1.
   Only `count` is the same.
5. Timer: op `metric.timing` here, `metric.timer` in the RFC's first text and in ours unless configured; the elapsed
   time is ours to measure, so min, max and sum are not compared. The rest is the same: span, description, tags, key.
6. Values of entries may be `1.0` here and `1` with us; and the order of keys and entries means nothing.
7. The SDK writes no summary at all unless the transaction's `source` is route, view, component or task. Rust's SDK
   has no such field; we have no such gate.
8. The SDK cleans no names and limits nothing; we do both. Nothing in calls.json needs either.
9. Placement: the SDK puts the root's summary at the event's top level only; we also into the trace context.
"""

import copy
import json
import pathlib
import sys
import warnings

import envelope
import wheels
from envelope import Bad, need

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "golden.json"
# One moment for all calls, so that a set's ten seconds never end; ahead, so that nothing is flushed for its age.
MOMENT = 4102444800
DEFAULTS = ("release", "environment", "transaction")


def play(steps, source="task"):
    """Makes the calls through the SDK; returns the transactions that it sends."""
    sys.path.insert(0, str(wheels.path("sdk-metrics")))
    warnings.simplefilter("ignore")
    import sentry_sdk
    from sentry_sdk import metrics
    from sentry_sdk.transport import Transport

    sent, clock, stack = [], [0.0], []

    class Keep(Transport):
        def capture_envelope(self, envelope):
            sent.extend(item.payload.json for item in envelope.items if item.type == "transaction")

    metrics.TIMING_FUNCTIONS["second"] = lambda: clock[0]
    sentry_sdk.init("http://public@127.0.0.1/1", transport=Keep, traces_sample_rate=1.0, release="shop@1.0", environment="test",
                    server_name="golden", default_integrations=False, auto_enabling_integrations=False)
    for step in steps:
        do, tags, unit = step["do"], step.get("tags"), step.get("unit") or "none"
        if do == "start_transaction":
            stack.append(sentry_sdk.start_transaction(op=step["op"], name=step["name"], source=source))
        elif do == "start_span":
            stack.append(sentry_sdk.start_span(op=step["op"], name=step["description"]))
        elif do == "start_timer":
            stack.append(metrics.timing(step["name"], unit=unit, tags=tags, timestamp=MOMENT))
        elif do in ("finish_span", "finish_timer", "finish_transaction"):
            clock[0] += step.get("elapsed", 0)
            stack.pop().__exit__(None, None, None)
            continue
        else:
            getattr(metrics, do)(step["name"], step["value"], unit=unit, tags=tags, timestamp=MOMENT)
            continue
        stack[-1].__enter__()
    need(not stack, "calls.json: something is not finished")
    sentry_sdk.get_client().close(timeout=0)
    return sent


def read(transaction):
    """What golden.json has of a transaction."""
    names = {span["span_id"]: span["description"] for span in transaction["spans"]}
    spans = [
        {
            "op": span["op"],
            "description": span["description"],
            "parent": names.get(span["parent_span_id"]),  # null: the transaction
            "tags": span.get("tags", {}),
            "_metrics_summary": span.get("_metrics_summary"),
        }
        for span in transaction["spans"]
    ]
    need(len(names) == len(set(names.values())), "calls.json: two spans of a transaction share a description")
    op = transaction["contexts"]["trace"]["op"]
    return {"name": transaction["transaction"], "op": op, "_metrics_summary": transaction.get("_metrics_summary"), "spans": spans}


def normalise(summary):
    """The SDK's summary as ours has to be: rules 1 to 4."""
    normal = {}
    for key, entries in (summary or {}).items():
        normal[key.removesuffix("@none")] = entries = copy.deepcopy(entries)
        for entry in entries:
            entry["tags"] = {name: value for name, value in entry["tags"].items() if name not in DEFAULTS}
            if not entry["tags"]:
                del entry["tags"]
            if key.startswith("s:"):
                entry.update(min=1, max=1, sum=entry["count"])
    return normal


def make():
    steps = json.loads((HERE / "calls.json").read_text())["steps"]
    kinds = {}
    for step in steps:
        if "name" in step and step["do"] != "start_transaction":
            kind = (step["do"], step["unit"])
            need(kinds.setdefault(step["name"], kind) == kind, f"calls.json: {step['name']} is of two kinds")
    made = [read(transaction) for transaction in play(steps)]
    for transaction in made:
        for one in (transaction, *transaction["spans"]):
            if one["_metrics_summary"] is not None:
                envelope.summary(normalise(one["_metrics_summary"]), one.get("description", "the transaction"))
    about = "What sentry-sdk 2.19.2 makes of calls.json, untouched. Made by golden.py, which says how ours differs and why."
    return {"about": about, "transactions": made}


def text(golden):
    return json.dumps(golden, indent=1, ensure_ascii=False) + "\n"


def compare(made, kept):
    ours, theirs = text(made).splitlines(), kept.splitlines()
    for number, (new, old) in enumerate(zip(ours, theirs), 1):
        need(new == old, f"golden.json, line {number}: has {old.strip()}, and the SDK makes {new.strip()}")
    need(len(ours) == len(theirs), "golden.json is shorter or longer than what the SDK makes")


def self_test():
    made, kept = make(), GOLDEN.read_text()
    compare(make(), text(made))
    for before, after in (('"count": 2', '"count": 3'), ("c:orders@none", "c:orders"), ("日本", "x"), ("\n}", "\n}\n\n")):
        need(before in kept, f"self-test: golden.json has no {before}")
        try:
            compare(made, kept.replace(before, after, 1))
        except Bad:
            continue
        raise Bad(f"self-test: golden.json with {after} for {before} passes")
    steps = json.loads((HERE / "calls.json").read_text())["steps"]
    ungated = [read(transaction) for transaction in play(steps, source="custom")]
    summaries = [one["_metrics_summary"] for transaction in ungated for one in (transaction, *transaction["spans"])]
    need(not any(summaries), "self-test: the SDK has no gate on the transaction's source; see 7")
    members = made["transactions"][0]["_metrics_summary"]["s:customers@none"][0]
    need((members["count"], members["sum"]) == (3, 1.0), f"self-test: a set does not depend on other spans: {members}; see 4")
    print("self-test: four changed goldens are refused; without a source the SDK writes nothing")


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["--self-test"]:
            self_test()
        elif sys.argv[1:] == ["--write"]:
            GOLDEN.write_text(text(make()))
        elif sys.argv[1:]:
            sys.exit(__doc__)
        else:
            made = make()
            compare(made, GOLDEN.read_text())
            spans = sum(len(transaction["spans"]) for transaction in made["transactions"])
            print(f"golden.json is what sentry-sdk makes: {len(made['transactions'])} transactions, {spans} spans")
    except Bad as bad:
        sys.exit(f"wrong: {bad}")
