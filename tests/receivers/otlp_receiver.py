"""A receiver of OTLP that refuses whatever the protocol forbids, and tells what it has taken.

It listens on the loopback address, on the given ports or on free ones: for gRPC, for HTTP, and for who asks. Which they are is its first
line, as JSON. Who asks finds /state, and can have the next requests refused: /refuse?status=503&times=2&after=1, or
taken in part: /partial?times=1.
"""

import argparse
import gzip
import json
import math
import ssl
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import grpc
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

METHOD = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
CUMULATIVE, DELTA = 2, 1
CODES = {401: grpc.StatusCode.UNAUTHENTICATED, 400: grpc.StatusCode.INVALID_ARGUMENT}


class Wrong(Exception):
    """What the protocol forbids."""


def need(holds, what):
    if not holds:
        raise Wrong(what)


class State:
    """What was taken, and what is wrong with what was not."""

    def __init__(self, token):
        self.lock = threading.Lock()
        self.token = token
        self.requests = self.taken = self.unauthorized = self.refused = self.partial = 0
        self.errors = []
        self.resource = {}
        self.scope = []
        self.series = {}
        self.last_time = 0
        self.refuse = {"status": 503, "times": 0, "after": None}
        self.partial_times = 0

    def export(self, body, authorization):
        """The status, and the answer or why there is none."""
        with self.lock:
            self.requests += 1
            if self.token and authorization != f"Bearer {self.token}":
                self.unauthorized += 1
                return 401, "no token, or another one"
            if self.refuse["times"] > 0:
                self.refuse["times"] -= 1
                self.refused += 1
                return self.refuse["status"], "not now"
            try:
                request = ExportMetricsServiceRequest.FromString(body)
                known_fields(request)
                need(request.resource_metrics, "a request without a resource")
                for resource in request.resource_metrics:
                    self.take(resource)
            except Exception as error:  # whatever it is, it is wrong
                self.errors.append(f"{type(error).__name__}: {error}")
                return 400, str(error)
            self.taken += 1
            answer = ExportMetricsServiceResponse()
            if self.partial_times > 0:
                self.partial_times -= 1
                self.partial += 1
                answer.partial_success.rejected_data_points = 1
                answer.partial_success.error_message = "one was too many"
            return 200, answer.SerializeToString()

    def take(self, resource):
        need(resource.HasField("resource"), "no resource")
        self.resource = attributes(resource.resource.attributes)
        need("service.name" in self.resource, "the resource has no service.name")
        need(len(resource.scope_metrics) == 1, "more than one scope")
        scope = resource.scope_metrics[0]
        need(scope.HasField("scope") and scope.scope.name, "a scope without a name")
        self.scope = [scope.scope.name, scope.scope.version]
        names, found, latest = set(), {}, self.last_time
        for metric in scope.metrics:
            kind = metric.WhichOneof("data")
            need(kind, f"{metric.name} has no data")
            need(metric.name, "a metric without a name")
            need((metric.name, metric.unit, kind) not in names, f"{metric.name} is there twice")
            names.add((metric.name, metric.unit, kind))
            data = getattr(metric, kind)
            need(data.data_points, f"{metric.name} has no points")
            for point in data.data_points:
                one = self.point(metric, kind, data, point)
                key = (metric.name, metric.unit, kind, json.dumps(one["attributes"], sort_keys=True))
                need(key not in found, f"{key} has two points")
                found[key] = self.follow(key, one)
                latest = max(latest, one["time"])
        for key in found:
            self.series[key] = found[key]
        for key, one in self.series.items():
            one["current"] = key in found
        self.last_time = latest

    def point(self, metric, kind, data, point):
        what = f"{metric.name} {[(a.key, a.value.string_value) for a in point.attributes]}"
        one = {
            "name": metric.name, "unit": metric.unit, "description": metric.description, "kind": kind,
            "attributes": attributes(point.attributes),
            "start": point.start_time_unix_nano, "time": point.time_unix_nano,
            "temporality": getattr(data, "aggregation_temporality", 0),
        }
        need(one["time"] > 1_500_000_000 * 10**9, f"{what} has no time")
        need(point.flags == 0, f"{what} has flags")
        if kind != "gauge":
            need(0 < one["start"] <= one["time"], f"{what} begins after it ends")
        if kind in ("sum", "histogram", "exponential_histogram"):
            need(one["temporality"] in (CUMULATIVE, DELTA), f"{what} has no temporality")
        if kind in ("sum", "gauge"):
            need(point.WhichOneof("value"), f"{what} has no value")
            one["value"] = getattr(point, point.WhichOneof("value"))
            one["whole"] = point.WhichOneof("value") == "as_int"
        if kind == "sum":
            need(data.is_monotonic, f"{what} is not monotonic")
            need(one["value"] >= 0, f"{what} is negative")
        if kind == "histogram":
            bounds = list(point.explicit_bounds)
            need(bounds == sorted(set(bounds)), f"{what} has bounds that do not rise")
            need(len(point.bucket_counts) == len(bounds) + 1, f"{what} has too few or too many buckets")
            need(sum(point.bucket_counts) == point.count, f"{what} counts other than its buckets")
            one["bounds"], one["buckets"] = bounds, list(point.bucket_counts)
        if kind == "exponential_histogram":
            need(not point.HasField("negative"), f"{what} has negative buckets")
            counts = list(point.positive.bucket_counts)
            need(sum(counts) + point.zero_count == point.count, f"{what} counts other than its buckets")
            one["scale"], one["zero_count"] = point.scale, point.zero_count
            one["buckets"] = {point.positive.offset + at: count for at, count in enumerate(counts) if count}
        if kind in ("histogram", "exponential_histogram"):
            one["count"], one["sum"] = point.count, point.sum if point.HasField("sum") else None
            one["min"] = point.min if point.HasField("min") else None
            one["max"] = point.max if point.HasField("max") else None
            need(one["sum"] is None or math.isfinite(one["sum"]), f"{what} has a sum that is no number")
            if one["min"] is not None and one["max"] is not None:
                need(one["min"] <= one["max"], f"{what} has its least value above its greatest")
                need(point.count > 0, f"{what} has extremes of nothing")
        if kind == "summary":
            shares = [value.quantile for value in point.quantile_values]
            need(shares == sorted(set(shares)) and all(0 <= share <= 1 for share in shares), f"{what} has odd shares")
            need(all(value.value >= 0 for value in point.quantile_values), f"{what} has a negative quantile")
            one["count"], one["sum"] = point.count, point.sum
            one["quantiles"] = {value.quantile: value.value for value in point.quantile_values}
        exemplars = getattr(point, "exemplars", [])
        for exemplar in exemplars:
            need(len(exemplar.trace_id) == 16 and len(exemplar.span_id) == 8, f"{what}: an exemplar without a trace")
            need(exemplar.WhichOneof("value"), f"{what}: an exemplar without a value")
            need(exemplar.time_unix_nano > 0, f"{what}: an exemplar without a time")
        one["exemplars"] = [
            {"trace": exemplar.trace_id.hex(), "span": exemplar.span_id.hex(),
             "value": getattr(exemplar, exemplar.WhichOneof("value"))}
            for exemplar in exemplars
        ]
        return one

    def follow(self, key, one):
        """What is known of a series after this point of it."""
        before = self.series.get(key)
        if one["kind"] == "gauge":
            return one
        if one["temporality"] == DELTA:
            need(one["start"] >= self.last_time, f"{key}: a delta begins before the last one ended")
            if before is None:
                return one
            need(one["start"] == self.last_time, f"{key}: a delta does not begin where the last one ended")
            return added(before, one)
        if before is None:
            return one
        need(one["time"] > before["time"], f"{key}: time does not go on")
        if one["start"] != before["start"]:
            need(one["start"] >= before["time"], f"{key}: it began anew before it ended")
            return one
        for total in ("value", "count", "zero_count"):
            need(one.get(total, 0) >= before.get(total, 0), f"{key}: {total} falls")
        if isinstance(one.get("buckets"), list):
            need(all(now >= then for now, then in zip(one["buckets"], before["buckets"])), f"{key}: a bucket falls")
        elif "buckets" in one:
            falls = any(one["buckets"].get(at, 0) < count for at, count in before["buckets"].items())
            need(not falls, f"{key}: a bucket falls")
        return one

    def told(self):
        with self.lock:
            names = ["requests", "taken", "unauthorized", "refused", "partial", "errors", "resource", "scope"]
            told = {name: getattr(self, name) for name in names}
            told["points"] = list(self.series.values())
            return json.dumps(finite(told)).encode()


def added(before, one):
    """Two deltas as one."""
    both = dict(one, start=before["start"])
    for total in ("value", "count", "sum", "zero_count"):
        if one.get(total) is not None:
            both[total] = before[total] + one[total]
    if isinstance(one.get("buckets"), list):
        both["buckets"] = [then + now for then, now in zip(before["buckets"], one["buckets"])]
    elif "buckets" in one:
        both["buckets"] = dict(before["buckets"])
        for at, count in one["buckets"].items():
            both["buckets"][at] = both["buckets"].get(at, 0) + count
    return both


def attributes(pairs):
    keys = [pair.key for pair in pairs]
    need(all(keys), "an attribute without a name")
    need(len(set(keys)) == len(keys), f"an attribute is there twice: {keys}")
    need(keys == sorted(keys), f"attributes are not sorted: {keys}")
    for pair in pairs:
        need(pair.value.WhichOneof("value") == "string_value", f"{pair.key} is no text")
    return {pair.key: pair.value.string_value for pair in pairs}


def known_fields(message):
    need(len(UnknownFieldSet(message)) == 0, f"unknown fields in {message.DESCRIPTOR.name}")
    for field, value in message.ListFields():
        if field.message_type:
            several = not isinstance(value, type(message)) and not hasattr(value, "DESCRIPTOR")
            for part in value if several else [value]:
                known_fields(part)


def finite(value):
    """JSON has no other numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(name): finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return value


def http_handler(state):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-encoding"] == "gzip":
                body = gzip.decompress(body)
            if self.path != "/v1/metrics":
                return self.answer(404, b"")
            if self.headers["content-type"] != "application/x-protobuf":
                return self.answer(415, b"")
            status, answer = state.export(body, self.headers["authorization"])
            self.answer(status, answer if isinstance(answer, bytes) else answer.encode())

        def answer(self, status, body):
            self.send_response(status)
            if status == state.refuse["status"] and state.refuse["after"] is not None:
                self.send_header("retry-after", str(state.refuse["after"]))
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def control_handler(state):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlparse(self.path)
            asked = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
            if url.path == "/refuse":
                with state.lock:
                    state.refuse = {"status": asked["status"], "times": asked["times"], "after": asked.get("after")}
            elif url.path == "/partial":
                with state.lock:
                    state.partial_times = asked["times"]
            body = state.told()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def serve(handler, port=0, context=None):
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def serve_grpc(state, port, pair):
    def export(body, context):
        status, answer = state.export(body, dict(context.invocation_metadata()).get("authorization"))
        if status != 200:
            context.abort(CODES.get(status, grpc.StatusCode.UNAVAILABLE), answer)
        return answer

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            # Both the request and the answer stay bytes.
            return grpc.unary_unary_rpc_method_handler(export) if details.method == METHOD else None

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Handler(),))
    if pair:
        port = server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--token")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--grpc", type=int, default=0)
    parser.add_argument("--http", type=int, default=0)
    given = parser.parse_args()
    state = State(given.token)
    context = pair = None
    if given.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.certificate, given.key)
        pair = (open(given.key, "rb").read(), open(given.certificate, "rb").read())
    _server, grpc_port = serve_grpc(state, given.grpc, pair)
    http_port = serve(http_handler(state), given.http, context)
    print(json.dumps({"grpc": grpc_port, "http": http_port, "control": serve(control_handler(state))}), flush=True)
    threading.Event().wait()


main()
