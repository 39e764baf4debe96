"""The heartbeat socket: whatever comes goes back, from a thread that does nothing else."""

import threading

import zmq


class Echo:
    """A ROUTER in a thread; bind `socket` before `start`."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.socket = context.socket(zmq.ROUTER)
        self._inside, self._end = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        for pair in (self._inside, self._end):
            pair.setsockopt(zmq.LINGER, 0)
        name = f"inproc://echo-{id(self)}"
        self._inside.bind(name)
        self._end.connect(name)
        self._thread = threading.Thread(target=self._run, name="segue-echo", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and the sockets."""
        if self._thread.is_alive():
            self._end.send(b"")
            self._thread.join()
        for socket in (self.socket, self._inside, self._end):
            socket.close(0)

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self._inside, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._inside in ready:
                return
            frames = self.socket.recv_multipart()
            try:
                self.socket.send_multipart(frames, zmq.NOBLOCK)
            except zmq.ZMQError:  # a peer that does not read, or is gone
                continue
