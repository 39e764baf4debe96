"""Plain servers beside ours, each a process: a bare ZeroMQ echo, gRPC and HTTP.

`python -m segue.benchmarks.server_peers KIND` prints the port it listens on, and serves until its
standard input ends. The gRPC and HTTP servers decode a command, look a value up and encode an
answer, as any server in their place would.
"""

import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen
from typing import Any

import zmq

from ..music.errors import MissingPartError

METHOD = "/segue.bench/Command"
END_SECONDS = 10.0


@contextmanager
def peer(kind: str) -> Iterator[int]:
    """A peer in a process of its own, while the context lasts; its port."""
    if kind == "grpc":
        _grpc()
    process = Popen([sys.executable, "-m", __name__, kind], stdin=PIPE, stdout=PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(END_SECONDS)
        process.stdout.close()


def answer(request: bytes) -> bytes:
    """What a plain server does with a command."""
    command = json.loads(request)
    values = command["content"]["parameters"]
    reply = {"id": command["header"]["id"], "scheduled_frame": 0, "values": values}
    return json.dumps({"header": {"type": "accepted"}, "content": reply}).encode()


def _echo() -> None:
    context = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    print(port, flush=True)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if sys.stdin.fileno() in ready:
            break
        socket.send_multipart(socket.recv_multipart())
    socket.close(0)
    context.term()


def _grpc() -> Any:
    try:
        import grpc
    except ModuleNotFoundError:
        raise MissingPartError("grpcio is not installed; pip install 'segue[bench]'") from None
    return grpc


def _serve_grpc() -> None:
    grpc = _grpc()
    handler = grpc.method_handlers_generic_handler(
        METHOD.split("/")[1],
        {METHOD.split("/")[2]: grpc.unary_unary_rpc_method_handler(lambda data, _: answer(data))},
    )
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler,))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def do_POST(self) -> None:
        body = answer(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


def _serve_http() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    {"echo": _echo, "grpc": _serve_grpc, "http": _serve_http}[sys.argv[1]]()
