"""Runs a program against a loopback server and has what it sends judged by our strict reader and by others.

    python3 check.py [--keep DIR] [--seconds N] [--also trace_metric] COMMAND...
    python3 check.py --self-test

The command gets the DSN in SENTRY_DSN, and for each `{dsn}` in it. The others are:

* the envelope reader of the newest sentry-sdk: reads the items and writes the same bytes;
* sentry-relay 0.9.3, the last with a schema of `_metrics_summary`: no complaint, and every summary as it was sent;
* the newest sentry-relay: takes transactions and events, trims nothing, and keeps the summaries in `data` and in the
  trace context and the context `runtime_metrics`. It knows `_metrics_summary` of spans and at the top level no more,
  drops the one and nulls the other with a complaint; exactly that and nothing else is let pass.

Ends with 1 and the first thing that is wrong; also where some kind of item was not seen at all.
"""

import argparse
import collections
import gzip
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import capture
import envelope
import synthetic
import wheels
from envelope import Bad, need

HERE = pathlib.Path(__file__).resolve().parent
WANTED = ["runtime_metrics", "summary of a root", "summary of a child span", "context of an event"]


def ask(wheel, arguments, lines=()):
    done = subprocess.run([sys.executable, str(HERE / "others.py"), *arguments], input="".join(line + "\n" for line in lines),
                          env=wheels.environment(wheel), capture_output=True, text=True, cwd=HERE)
    if done.returncode:
        sys.exit(f"{wheel} does not run:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def strict(files):
    """Our own reader. Returns the items of all files and how often each kind was seen."""
    items, seen = [], collections.Counter()
    for file in files:
        try:
            checked = envelope.check(file.read_bytes())
        except Bad as bad:
            raise Bad(f"{file.name}: {bad}") from None
        items += checked
        seen["envelope"] += 1
        for kind, payload in checked:
            seen[kind] += 1
            if kind == "runtime_metrics":
                seen["metric"] += len(payload["metrics"])
            elif kind == "transaction":
                root, children = envelope.transaction(payload)
                seen["summary of a root"] += root is not None
                seen["summary of a child span"] += sum(child is not None for child in children)
                seen["entry of a summary"] += sum(len(entries) for one in (root, *children) for entries in (one or {}).values())
            elif kind == "event":
                seen["context of an event"] += envelope.event(payload) is not None
            elif kind == "trace_metric":
                seen["metric in a trace_metric"] += len(payload["items"])
    return items, seen


def counters_rise(items):
    """A counter is cumulative: no later payload of a run has less of it."""
    before = {}
    for payload in sorted((payload for kind, payload in items if kind == "runtime_metrics"), key=lambda payload: payload["timestamp"]):
        for series, value in envelope.runtime_metrics(payload).items():
            need(value >= before.get(series, 0), f"the counter {series} falls from {before.get(series)} to {value}")
            before[series] = value
    return len(before)


def sdk(files):
    """The newest sentry-sdk reads what we read, and writes the bytes that it read."""
    for file, answer in zip(files, ask("sdk-today", ["sdk", *map(str, files)]), strict=True):
        need("error" not in answer, f"{file.name}: sentry-sdk can't read it: {answer}")
        header, items = envelope.parse(file.read_bytes())
        # It writes JSON of its own for events and transactions, and a length where there was none.
        ours = all("length" in item and item["type"] not in ("event", "transaction") for item, _ in items)
        need(answer == "identical" or not ours, f"{file.name}: sentry-sdk does not write the bytes that it read")
        if answer != "identical":
            need([item["type"] for item, _ in items] == [kind for kind, _ in answer], f"{file.name}: sentry-sdk reads {answer}")
            for (_, payload), (_, text) in zip(items, answer, strict=True):
                same = payload == text.encode() or json.loads(payload) == json.loads(text)
                need(same, f"{file.name}: sentry-sdk reads another payload")


def places(transaction):
    """Where a transaction has summaries: (where, summary); the fields of the RFC are those that end with it."""
    trace = transaction["contexts"]["trace"]
    found = {"top level": transaction, "trace": trace, "trace.data": trace.get("data") or {}}
    for index, span in enumerate(transaction.get("spans") or []):
        found[f"span {index}"] = span
        found[f"span {index}.data"] = span.get("data") or {}
    return {where: holder.get("_metrics_summary") for where, holder in found.items()}


def alike(ours, theirs):
    """Whether two values are the same; Relay reads the last digit of a float as it likes."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(alike(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return math.isclose(ours, theirs, rel_tol=1e-14)
    return ours == theirs


def relay(items, wheel, typed):
    """Relay takes our transactions and events, and keeps of them what it is said to keep."""
    asked = [(kind, payload) for kind, payload in items if kind in ("transaction", "event")]
    for (kind, sent), got in zip(asked, ask(wheel, ["relay"], (json.dumps(payload) for _, payload in asked)), strict=True):
        need("error" not in got, f"{wheel} refuses the {kind}: {got.get('error')}")
        meta, errors = got.get("_meta") or {}, got.get("errors") or []
        if kind == "event":
            context, stored = ((event.get("contexts") or {}).get("runtime_metrics") or {} for event in (sent, got))
            need(alike({**context, "type": 0}, {**stored, "type": 0}), f"{wheel} changes the context:\n{context}\n{stored}")
            need("runtime_metrics" not in meta.get("contexts", {}), f"{wheel} complains about the context: {meta.get('contexts')}")
            continue
        summaries = places(sent)
        if not typed:
            if summaries["top level"] is not None:
                need(errors == [{"type": "invalid_attribute", "name": "_metrics_summary"}], f"{wheel} also complains: {errors}")
                need(meta.pop("_metrics_summary", None) == {"": {"err": ["invalid_attribute"]}}, f"{wheel} complains otherwise: {meta}")
                errors = []
            gone = [where for where in summaries if where == "top level" or where.startswith("span ") and "." not in where]
            summaries.update(dict.fromkeys(gone))
        need(not errors and not meta, f"{wheel} complains: {errors} {json.dumps(meta)[:2000]}")
        stored = places(got)
        for where, summary in summaries.items():
            need(alike(summary, stored[where]), f"{wheel} changes the summary of {where}:\n{summary}\n{stored[where]}")


def judge(files, wanted):
    """All checks; returns how often each kind was seen."""
    items, seen = strict(files)
    seen["counter that never falls"] = counters_rise(items)
    for kind in wanted:
        need(seen[kind], f"nothing of this kind was sent: {kind}; there were {dict(seen)}")
    sdk(files)
    relay(items, "relay-typed", typed=True)
    relay(items, "relay-today", typed=False)
    return seen


def table(seen):
    reader, typed, today = (wheels.WHEELS[name].replace("==", " ") for name in ("sdk-today", "relay-typed", "relay-today"))
    rows = {
        "envelope": f"strict reader, {reader}",
        "runtime_metrics": "strict reader",
        "metric": "strict reader",
        "counter that never falls": "strict reader",
        "trace_metric": "strict reader",
        "metric in a trace_metric": "strict reader",
        "transaction": f"strict reader, {typed}, {today}",
        "summary of a root": f"strict reader, {typed}, {today}",
        "summary of a child span": f"strict reader, {typed}, {today}",
        "entry of a summary": f"strict reader, {typed}, {today}",
        "event": f"strict reader, {typed}, {today}",
        "context of an event": f"strict reader, {typed}, {today}",
    }
    print(f"{'kind':26}{'seen':>7}  right says")
    for kind, by in rows.items():
        print(f"{kind:26}{seen[kind]:7}  {by if seen[kind] else '-'}")


def refused(name, check, *arguments, because):
    """Proves that a check can fail, and fails for its reason."""
    try:
        check(*arguments)
    except Bad as bad:
        need(because in str(bad), f"self-test: {name}: refused because {bad}")
        return 1
    raise Bad(f"self-test: {name} passes, and should not")


def self_test(directory):
    directory, cuts, count = pathlib.Path(directory), 0, 0

    def files(**named):
        written = []
        for name, data in named.items():
            (directory / name).write_bytes(data)
            written.append(directory / name)
        return written

    good = synthetic.good()
    for name, data in good.items():
        envelope.check(data)
        for cut in range(len(data)):
            # A cut between two items leaves an envelope.
            if name != "runtime metrics, two items":
                cuts += refused(f"{name}, cut at {cut}", envelope.check, data[:cut], because="")
    for name, data in synthetic.hostile().items():
        count += refused(name, envelope.check, data, because="")
    pair = [("runtime_metrics", synthetic.runtime_metrics(hits)) for hits in (4, 3)]
    pair[1][1]["timestamp"] = "9" + pair[1][1]["timestamp"][1:]
    count += refused("a counter that falls", counters_rise, pair, because="falls")

    header, rest = good["runtime metrics"].split(b"\n", 1)
    spaced = files(a=header.replace(b":", b": ", 1) + b"\n" + rest)
    count += refused("bytes that come back as others", sdk, spaced, because="write the bytes")
    count += refused("a kind that is missing", judge, files(b=good["runtime metrics"]), WANTED, because="nothing of this kind")

    def summary(**change):
        transaction = synthetic.transaction()
        transaction["spans"][0]["_metrics_summary"]["d:latency@second"][0].update(change)
        return [("transaction", transaction)]

    for name, change in {
        "a tag that is a bool": {"tags": {"a": True}}, "a minimum that is a text": {"min": "1"}, "a negative count": {"count": -1},
        "a count that is a fraction": {"count": 1.5}, "tags that are a list": {"tags": []},
    }.items():
        count += refused(name, relay, summary(**change), "relay-typed", True, because="relay-typed c")
    # The same one to a schema that is gone, or the other way round, must not pass either.
    count += refused("complaints of today", relay, summary(), "relay-today", True, because="complains")
    count += refused("complaints that are not there", relay, summary(), "relay-typed", False, because="complain")
    crowd = synthetic.transaction(field=False)
    crowd["contexts"]["trace"]["data"]["_metrics_summary"] = {f"c:orders{index}": [synthetic.entry(1, 1, 1, 1, a="b")] for index in range(2000)}
    count += refused("a summary so large that it is trimmed", relay, [("transaction", crowd)], "relay-typed", True, because="complains")
    for wheel, typed in (("relay-typed", True), ("relay-today", False)):
        for name, change in {"a zero id": {"span_id": "0" * 16}, "no start": {"start_timestamp": None}}.items():
            broken = synthetic.transaction()
            broken["spans"][0].update(change)
            count += refused(name, relay, [("transaction", broken)], wheel, typed, because="refuses")
        event = synthetic.event()
        event["contexts"]["runtime_metrics"] = {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": "x" * 99999}}}}}}}}
        count += refused("a context that is cut", relay, [("event", event)], wheel, typed, because="context")

    with capture.Capture(directory / "captured") as server:
        need(synthetic.send(server.dsn, good["trace metrics"]) == 200, "self-test: the server does not take an envelope")
        url = f"http://127.0.0.1:{server.server_port}/api/1/envelope/?sentry_key={capture.KEY}"
        packed = gzip.compress(good["runtime metrics"])
        synthetic.direct(urllib.request.Request(url, packed, {"Content-Encoding": "gzip"})).close()
        need(server.files[1].read_bytes() == good["runtime metrics"], "self-test: gzip does not come out as it went in")
        for wrong in (server.dsn.replace("c0ffee", "decaf0"), server.dsn[:-1] + "2"):
            need(synthetic.send(wrong, b"") in (403, 404), f"self-test: {wrong} is taken")
        need(len(server.problems) == 2, f"self-test: problems are {server.problems}")
    # And what is right passes.
    with capture.Capture(directory / "all") as server:
        capture.run([sys.executable, str(HERE / "synthetic.py")], server.dsn, 30)
    judge(server.files, [*WANTED, "trace_metric"])
    print(f"self-test: what is right passes, and {count} wrong things are refused, and {cuts} cut ones")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--keep", help="a directory for the envelopes")
    parser.add_argument("--seconds", type=float, default=600, help="how long the command may take")
    parser.add_argument("--also", action="append", default=[], help="another kind that must be seen")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    with tempfile.TemporaryDirectory() as temporary:
        if options.self_test:
            return self_test(temporary)
        if not command:
            parser.error("which command?")
        with capture.Capture(options.keep or temporary) as server:
            capture.run(command, server.dsn, options.seconds)
        need(not server.problems, f"requests that are none: {server.problems}")
        table(judge(server.files, [*WANTED, *options.also]))


if __name__ == "__main__":
    try:
        main()
    except Bad as bad:
        sys.exit(f"wrong: {bad}")
