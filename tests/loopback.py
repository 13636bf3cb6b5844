"""A server on this machine that behaves as badly as a test asks it to."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Answer:
    """How one request is answered.

    Attributes:
        body: The file that the server has; None for none (404).
        status: Instead of the usual one.
        cut_after: Bytes until the connection is cut.
        stall_after: Bytes until nothing more comes, though the connection stays.
        heeds_range: Whether a part can be asked for.
        lies_about_range: Whether a part begins elsewhere than was asked for.
        says_length: Whether the length is told; otherwise it ends when it ends.
        location: Where the client is sent instead.
        kind: The content type.
    """

    body: bytes | None = None
    status: int | None = None
    cut_after: int | None = None
    stall_after: int | None = None
    heeds_range: bool = True
    lies_about_range: bool = False
    says_length: bool = True
    location: str | None = None
    kind: str = "application/octet-stream"


class Request(NamedTuple):
    """What a client asked for."""

    path: str
    byte_range: str | None


class Loopback:
    """The server, in a thread; a path's answers are given in turn, the last one for ever."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._over = threading.Event()
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                loopback._answer(self)

            def log_message(self, *_arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_arguments: Any) -> None:
                pass  # the client may hang up whenever it likes

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    def serve(self, path: str, *answers: Answer) -> str:
        """Say how a path is answered from now on; return its address."""
        self._answers[path] = list(answers)
        return self.url(path)

    def ranges(self, path: str) -> list[str | None]:
        return [request.byte_range for request in self.requests if request.path == path]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.lstrip("/")
        self.requests.append(Request(path, handler.headers.get("Range")))
        queue = self._answers[path] or [Answer()]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if answer.location is not None:
            self._send_head(handler, answer.status or 302, {"Location": answer.location}, b"")
        elif answer.body is None or (answer.status or 200) >= 400:
            self._send_head(handler, answer.status or 404, {}, b"")
        else:
            self._send_file(handler, answer, answer.body)

    def _send_file(self, handler: BaseHTTPRequestHandler, answer: Answer, body: bytes) -> None:
        headers, begin = {"Content-Type": answer.kind}, 0
        asked = handler.headers.get("Range")
        if asked and answer.heeds_range:
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
            if begin >= len(body):
                self._send_head(handler, 416, {"Content-Range": f"bytes */{len(body)}"}, b"")
                return
            said = begin - 1 if answer.lies_about_range else begin
            headers["Content-Range"] = f"bytes {said}-{len(body) - 1}/{len(body)}"
        content = body[begin:]
        if answer.says_length:
            headers["Content-Length"] = str(len(content))
        status = 206 if "Content-Range" in headers else 200
        limits = [each for each in (answer.cut_after, answer.stall_after) if each is not None]
        self._send_head(
            handler, answer.status or status, headers, content[: min(limits, default=None)]
        )
        if answer.stall_after is not None:
            deadline = time.monotonic() + 30
            while not self._over.wait(0.02) and time.monotonic() < deadline:
                pass
        if limits or not answer.says_length:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _send_head(
        handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes
    ) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if not content and "Content-Length" not in headers:
            handler.send_header("Content-Length", "0")
        handler.end_headers()
        handler.wfile.write(content)
        handler.wfile.flush()
