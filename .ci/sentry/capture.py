"""A loopback server that takes envelopes as Sentry does and keeps each in a file, for others to judge.

    python3 capture.py DIRECTORY    prints the DSN and serves until it is interrupted
"""

import gzip
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

KEY = "c0ffee00c0ffee00c0ffee00c0ffee00"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        length = self.headers.get("Content-Length")
        if length is None:
            self.close_connection = True
            return self.answer(411, {"detail": "no Content-Length"}, "a request has no Content-Length")
        body = self.rfile.read(int(length))
        if self.path.split("?")[0] != "/api/1/envelope/":
            return self.answer(404, {"detail": "no such path"}, f"a request went to {self.path}")
        if f"sentry_key={KEY}" not in self.headers.get("X-Sentry-Auth", "") + self.path:
            return self.answer(403, {"detail": "no such key"}, "a request does not carry the key")
        encoding = self.headers.get("Content-Encoding", "identity")
        if encoding not in ("identity", "gzip"):
            return self.answer(415, {"detail": "encoding"}, f"a request is encoded as {encoding}")
        try:
            body = gzip.decompress(body) if encoding == "gzip" else body
        except (OSError, EOFError) as error:
            return self.answer(400, {"detail": "not gzip"}, f"a request is not the gzip it says: {error}")
        self.server.keep(body)
        found = re.match(rb'[^\n]*"event_id":"([0-9a-f-]+)"', body)
        self.answer(200, {"id": found[1].decode().replace("-", "")} if found else {})

    def answer(self, status, content, problem=None):
        if problem:
            self.server.problems.append(problem)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Capture(http.server.ThreadingHTTPServer):
    """Serves while it is used as a context; `files` are the envelopes in the order of their arrival."""

    daemon_threads = True

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), Handler)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.dsn = f"http://{KEY}@127.0.0.1:{self.server_port}/1"
        self.files, self.problems, self.lock = [], [], threading.Lock()

    def keep(self, body):
        with self.lock:
            file = self.directory / f"{len(self.files):05}.envelope"
            file.write_bytes(body)
            self.files.append(file)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def run(command, dsn, seconds):
    """Runs a command with the DSN in `SENTRY_DSN` and for each `{dsn}` in it; a failure or an overrun ends us."""
    command = [part.replace("{dsn}", dsn) for part in command]
    # No proxy knows the way to our loopback address.
    environment = {name: value for name, value in os.environ.items() if name.lower() not in ("http_proxy", "all_proxy")}
    try:
        # In a group of its own, so that what it starts ends with it.
        child = subprocess.Popen(command, env={**environment, "SENTRY_DSN": dsn}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    except OSError as error:
        sys.exit(f"the command could not be started: {error}")
    try:
        said, _ = child.communicate(timeout=seconds)
    except BaseException as error:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            sys.exit(f"the command did not end within {seconds} s: {' '.join(command)}")
        raise
    if child.returncode:
        sys.exit(f"the command ended with {child.returncode}: {' '.join(command)}\n{said[-4000:]}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with Capture(sys.argv[1]) as capture:
        print(capture.dsn, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print(f"{len(capture.files)} envelopes; {len(capture.problems)} problems")
