"""Sends what a program sends to a real server: Bugsink, which takes what Sentry's SDKs send, with a database of its own.

    python3 bugsink.py [--seconds N] [--replay DIR] [--limits] COMMAND...
    python3 bugsink.py --self-test

The command gets the DSN in SENTRY_DSN, and for each `{dsn}` in it. A recorder stands before the server, passes
everything on as it is and remembers it. Right is when every envelope is answered with 200, every error event is in
the database as it was sent, with its context `runtime_metrics`, after it passed the server's own schema of events,
and the server read the items that it does not know without a complaint in its log.

Bugsink stores no transactions and says so, in `X-Sentry-Rate-Limits`, with its first answer: from then on an SDK
keeps them back. `--replay` sends the envelopes in a directory (those of `check.py --keep`) after the command, so that
it sees every kind; `--limits` makes it wrong to send a transaction once it was said that none is wanted.
"""

import argparse
import gzip
import http.client
import http.server
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import capture
import envelope
import synthetic
import wheels
from envelope import Bad, need

HERE = pathlib.Path(__file__).resolve().parent
CONFIGURATION = """
from bugsink.settings.default import *

SECRET_KEY = {secret!r}
DATABASES["default"]["NAME"] = {directory!r} + "/events.sqlite3"
DATABASES["snappea"]["NAME"] = {directory!r} + "/tasks.sqlite3"
SNAPPEA = {{"TASK_ALWAYS_EAGER": True}}
BUGSINK = {{
    "BASE_URL": "http://127.0.0.1",
    "INGEST_STORE_BASE_DIR": {directory!r} + "/ingestion",
    "PHONEHOME": False,
    "VALIDATE_ON_DIGEST": "strict",
    "MAX_EVENTS_PER_PROJECT_PER_5_MINUTES": 100_000,
    "MAX_EVENTS_PER_PROJECT_PER_HOUR": 100_000,
    "MAX_EVENTS_PER_5_MINUTES": 100_000,
    "MAX_EVENTS_PER_HOUR": 100_000,
}}
"""
SETUP = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("migrate", "snappea", database="snappea", verbosity=0)
from projects.models import Project
project = Project.objects.create(name="checked")
print(project.id, project.sentry_key.hex)
"""
STORED = """
import django; django.setup()
import json
from events.models import Event
print(json.dumps({event.event_id.hex: event.get_parsed_data() for event in Event.objects.all()}))
"""


class Recorder(http.server.BaseHTTPRequestHandler):
    """Passes a request on to the server and its answer back."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        began = time.monotonic()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        behind = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        try:
            behind.request("POST", self.path, body, {key: value for key, value in self.headers.items() if key != "Connection"})
            answer = behind.getresponse()
            content, status = answer.read(), answer.status
            limits = answer.headers.get("X-Sentry-Rate-Limits", "")
        except OSError as error:
            content, status, limits = str(error).encode(), 502, ""
        finally:
            behind.close()
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        said = content.decode(errors="replace")[:300]
        self.server.records.append({"began": began, "body": plain, "status": status, "said": said, "limits": limits, "ended": time.monotonic()})
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if limits:
            self.send_header("X-Sentry-Rate-Limits", limits)
        self.end_headers()
        self.wfile.write(content)


class Server:
    """Bugsink and the recorder before it, while it is used as a context."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.log = self.directory / "server.log"
        configuration = CONFIGURATION.format(secret=secrets.token_hex(32), directory=str(self.directory))
        (self.directory / "bugsink_conf.py").write_text(configuration)
        self.environment = {**wheels.environment("bugsink"), "DJANGO_SETTINGS_MODULE": "bugsink_conf"}

    def python(self, code):
        done = subprocess.run([sys.executable, "-c", code], cwd=self.directory, env=self.environment, capture_output=True, text=True, timeout=90)
        if done.returncode:
            sys.exit(f"Bugsink does not run:\n{done.stderr[-4000:]}")
        return done.stdout.splitlines()[-1]

    def __enter__(self):
        project, key = self.python(SETUP).split()
        with socket.create_server(("127.0.0.1", 0)) as listener, open(self.log, "wb") as log:
            # It takes over the socket, so that the port is known, and requests may come before it is up.
            bind = f"fd://{listener.fileno()}"
            command = [sys.executable, "-m", "gunicorn", "--bind", bind, "--workers", "1", "--log-level", "info", "bugsink.wsgi"]
            self.process = subprocess.Popen(command, cwd=self.directory, env=self.environment, stdout=log, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, pass_fds=[listener.fileno()])
            behind = listener.getsockname()[1]
        self.recorder = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        self.recorder.daemon_threads = True
        self.recorder.behind, self.recorder.records = behind, []
        threading.Thread(target=self.recorder.serve_forever, args=(0.05,), daemon=True).start()
        self.dsn = f"http://{key}@127.0.0.1:{self.recorder.server_port}/{project}"
        return self

    def __exit__(self, *_):
        self.recorder.shutdown()
        self.recorder.server_close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def records(self):
        return list(self.recorder.records)

    def stored(self):
        return json.loads(self.python(STORED))

    def said(self):
        need(self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log.read_text(errors='replace')[-4000:]}")
        return self.log.read_text(errors="replace")


def verify(records, stored, log):
    """Checks all of it; returns for each kind of item how many were taken."""
    kinds = {}
    for record in records:
        need(record["status"] == 200, f"an envelope was answered with {record['status']}: {record['said']}\n{record['body'][:500]!r}")
        for item, payload in envelope.parse(record["body"])[1]:
            kinds[item["type"]] = kinds.get(item["type"], 0) + 1
            if item["type"] == "event":
                sent = json.loads(payload)
                got = stored.get(sent["event_id"].replace("-", ""))
                why = [line for line in log.splitlines() if "ValidationError:" in line][-1:]
                need(got is not None, f"the event {sent['event_id']} is not in the database: {why}")
                context = (got.get("contexts") or {}).get("runtime_metrics")
                need(context, f"the event {sent['event_id']} is stored without the context runtime_metrics")
                need(context == sent["contexts"]["runtime_metrics"], f"the context is stored otherwise: {context}")
    for kind in ("event", "runtime_metrics"):
        need(kinds.get(kind), f"nothing of this kind was sent: {kind}; there were {kinds}")
    for kind in set(kinds) - {"event", "attachment"}:
        need(f"skipping non-supported envelope item: {kind}" in log, f"the server does not say that it read an item {kind}")
    wrong = [line for line in log.splitlines() if "Traceback" in line or "ERROR" in line or "CRITICAL" in line or "Error:" in line]
    need(not wrong, f"the server complains: {wrong[:5]}")
    need(log.count("Booting worker") == 1, "the server's worker had to be started again")
    return kinds


def unwanted(records):
    """How many transactions were sent after the server had said that it takes none."""
    limited = [record["ended"] for record in records if "transaction" in record["limits"]]
    late = [record for record in records if limited and record["began"] > min(limited)]
    return sum(item["type"] == "transaction" for record in late for item, _ in envelope.parse(record["body"])[1])


def replay(dsn, directory):
    files = sorted(pathlib.Path(directory).glob("*.envelope"))
    need(files, f"there are no envelopes in {directory}")
    for file in files:
        header, rest = file.read_bytes().split(b"\n", 1)
        # They carry the DSN of the server that they were sent to.
        header = {key: value for key, value in json.loads(header).items() if key != "dsn"}
        synthetic.send(dsn, synthetic.compact(header) + b"\n" + rest)


def self_test(server):
    capture.run([sys.executable, str(HERE / "synthetic.py")], server.dsn, 60)
    records, stored, log = server.records(), server.stored(), server.said()
    verify(records, stored, log)
    need(unwanted(records) > 0, "self-test: transactions after the limit are not noticed")

    def sent(data):
        # The server's log would have the complaint that belongs to this one; what is asserted is the answer.
        synthetic.send(server.dsn, data)
        return [*records, server.records()[-1]]

    plain, other = synthetic.event(), synthetic.event()
    plain["contexts"] = {}
    other["exception"] = "not what the schema says"
    event_id = next(iter(stored))
    doctored = {**stored, event_id: {**stored[event_id], "contexts": {"runtime_metrics": {"a": 1}}}}
    length = {"type": "runtime_metrics", "content_type": "application/json", "length": 3}
    cases = [
        ("answered with 400", sent(synthetic.of_runtime_metrics(synthetic.runtime_metrics(), length)), stored, log),
        ("not what the schema says", sent(synthetic.of_event(other)), server.stored(), server.said()),
        ("without the context", sent(synthetic.of_event(plain)), server.stored(), log),
        ("is not in the database", records, {}, log),
        ("stored otherwise", records, doctored, log),
        ("nothing of this kind", records[:1], stored, log),
        ("does not say", records, stored, log.replace("runtime_metrics", "x")),
        ("complains", records, stored, log + "\nTraceback (most recent call last):"),
        ("started again", records, stored, log + "\nBooting worker"),
    ]
    for because, *arguments in cases:
        try:
            verify(*arguments)
        except Bad as bad:
            need(because in str(bad), f"self-test: refused, but not because {because!r}: {bad}")
        else:
            raise Bad(f"self-test: what should be refused because {because!r} passes")
    print(f"self-test: what is right passes, and {len(cases)} wrong things are refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--seconds", type=float, default=90, help="how long the command may take")
    parser.add_argument("--replay", help="a directory of envelopes to send as well")
    parser.add_argument("--limits", action="store_true", help="no transaction may be sent once none is wanted")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not (options.self_test or command or options.replay):
        parser.error("which command?")
    with tempfile.TemporaryDirectory() as directory, Server(directory) as server:
        if options.self_test:
            return self_test(server)
        if command:
            capture.run(command, server.dsn, options.seconds)
        late = unwanted(server.records())
        need(not (late and options.limits), f"{late} transactions were sent after the server had said that it takes none")
        if options.replay:
            replay(server.dsn, options.replay)
        kinds = verify(server.records(), server.stored(), server.said())
    print(f"{wheels.WHEELS['bugsink'].replace('==', ' ')} took {len(server.records())} envelopes, each with 200:")
    for kind, count in sorted(kinds.items()):
        print(f"{kind:26}{count:7}  {'in its database, with the context' if kind == 'event' else 'read and skipped'}")
    print(f"transactions sent after it said that it takes none: {late}")


if __name__ == "__main__":
    # Also one who ends us from outside gets the server ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    try:
        main()
    except Bad as bad:
        sys.exit(f"wrong: {bad}")
