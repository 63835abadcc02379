"""A server on loopback that answers as a provider does, and fails as one does.

with StandIn(answer) as server:          # answer(Request) -> Reply
    server.fail(Fault(429, headers={"Retry-After": "7"}))        # the next request
    server.fail(Fault(500), after=3, path="/klines")             # the fourth from now whose path ends so
    ... server.url ... server.requests ...
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked."""

    path: str
    query: Mapping[str, str]

    def milliseconds(self, name: str) -> int | None:
        """A time of the query, None where it is not there."""
        return int(self.query[name]) if name in self.query else None


@dataclass(frozen=True)
class Reply:
    """What is answered; a Date is sent only where the headers name one, for the server has no clock."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: object, status: int = 200) -> Reply:
    """A value as JSON."""
    return Reply(json.dumps(value).encode(), status)


@dataclass(frozen=True)
class Fault:
    """What goes wrong instead of an answer.

    change : a function of the true Reply, where the answer is to be spoiled (cut off, reordered), not replaced
    slow : answer only when the server is closed: the client's timeout comes first
    hang_up : close the connection without a word
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    change: Callable[[Reply], Reply] | None = None
    slow: bool = False
    hang_up: bool = False


@dataclass
class _Planned:
    fault: Fault
    after: int
    path: str
    times: int


class StandIn:
    """A threaded HTTP server on 127.0.0.1, on a port of its own.

    answer : what the provider would say; an exception in it is a 500 with the exception's text
    requests : all that was asked, in order      stuck : set once a client waits for a slow answer
    """

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.requests: list[Request] = []
        self._answer, self._planned = answer, list[_Planned]()
        self._closing, self._lock = threading.Event(), threading.Lock()
        self.stuck = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "StandIn":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def fail(self, fault: Fault, after: int = 0, path: str = "", times: int = 1) -> None:
        """Plan a fault for `times` requests whose path ends with `path`, after that many of them."""
        self._planned.append(_Planned(fault, after, path, times))

    def asked(self, path: str) -> list[Request]:
        """The requests whose path ends with `path`."""
        return [request for request in self.requests if request.path.endswith(path)]

    def _fault(self, request: Request) -> Fault | None:
        for planned in self._planned:
            if not planned.times or not request.path.endswith(planned.path):
                continue
            if planned.after:
                planned.after -= 1
                continue
            planned.times -= 1
            return planned.fault
        return None

    def _reply(self, request: Request, fault: Fault | None) -> Reply:
        if fault and not fault.change:
            return Reply(fault.body, fault.status, fault.content_type, fault.headers)
        try:
            reply = self._answer(request)
        except Exception as error:
            return as_json({"stand-in failed": repr(error)}, 500)
        return fault.change(reply) if fault and fault.change else reply

    def _handler(stand_in) -> type[BaseHTTPRequestHandler]:  # noqa: N805  (self is the handler below)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a body that waits for its headers to be acknowledged costs 40 ms

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                request = Request(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))
                with stand_in._lock:
                    stand_in.requests.append(request)
                    fault = stand_in._fault(request)
                if fault and fault.slow:
                    stand_in.stuck.set()
                    stand_in._closing.wait(60)
                if fault and (fault.slow or fault.hang_up):
                    self.close_connection = True
                    return
                self._send(stand_in._reply(request, fault))

            def _send(self, reply: Reply) -> None:
                self.send_response_only(reply.status)
                headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body))} | reply.headers
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Keep quiet."""

        return Handler
