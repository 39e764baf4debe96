"""A whole server, and a headless Chromium that is driven by its DevTools protocol."""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import mido
import pytest
from websockets.sync.client import connect

from segue.server.serving.children import Child
from segue.server.serving.serve import children_of
from segue.server.serving.server import Server
from segue.server.serving.settings import ServeSettings

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)
START_SECONDS = 30.0
ANSWER_SECONDS = 90.0  # more than any wait in a page
EXAMPLE = Path(__file__).parents[4] / "integrations/browser"


def chromium() -> str | None:
    """Where the browser is, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """One page of a browser; `faults` gathers what its console complains of.

    :param folder: for the browser's profile
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": str(folder)},
        )
        self.faults: list[str] = []
        self._count, self._session = 0, ""
        self._drain = threading.Thread()  # of what the browser says later
        self._stack = ExitStack()
        self._stack.callback(self._end)
        with self._stack.pop_all() as stack:
            self._socket = stack.enter_context(connect(self._address(), max_size=None))
            self._attach()
            self._stack = stack.pop_all()

    def _attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.resize(1280, 800)

    def _address(self) -> str:
        """What the browser says of itself; from then on, what it says is let go."""
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.start()
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if line.startswith("DevTools listening on "):
                timer.cancel()
                self._drain = threading.Thread(target=self._process.stderr.read, daemon=True)
                self._drain.start()
                return line.split()[-1]
        timer.cancel()
        raise TimeoutError("Chromium does not tell where it listens")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call of the DevTools protocol, and its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            told = json.loads(self._socket.recv(timeout=ANSWER_SECONDS))
            if told.get("id") == self._count:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                result: dict[str, Any] = told["result"]
                return result
            self._hear(told)

    def _hear(self, event: dict[str, Any]) -> None:
        method, told = event.get("method", ""), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(told["exceptionDetails"])[:2000])
        if method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.faults.append(json.dumps(told["args"])[:2000])
        if method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.faults.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives; promises are awaited."""
        done = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in done:
            raise RuntimeError(json.dumps(done["exceptionDetails"])[:2000])
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float = 20.0) -> None:
        """Until a condition in JavaScript holds; RuntimeError if it does not come to that."""
        text = json.dumps(f"not in {seconds} s: {condition}")
        self.value(
            f"new Promise((resolve, reject) => {{ const end = performance.now() + {1000 * seconds};"
            f" const look = () => ({condition}) ? resolve(true)"
            f" : performance.now() > end ? reject(new Error({text}))"
            " : setTimeout(look, 20); look(); })"
        )

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 700,
        )

    def click(self, selector: str) -> None:
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def close(self) -> None:
        self._stack.close()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._drain.is_alive():
            self._drain.join(10)
        if self._process.stderr is not None:
            self._process.stderr.close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    page = Page(program, tmp_path_factory.mktemp("chromium"))
    yield page
    page.close()


class Site(SimpleHTTPRequestHandler):
    """The example that comes with the browser's client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, directory=str(EXAMPLE), **options)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked is not worth a line."""


@dataclass
class Served:
    """A whole server: its gateway, and where the console is."""

    gateway: Child
    address: str
    page: str  # origin of another site, whose pages may connect


def write_scale(path: Path) -> None:
    """Two octaves of D major."""
    track = mido.MidiTrack()
    for pitch in (62, 64, 66, 67, 69, 71, 73, 74, 76, 78, 79, 81, 83, 85, 86, 74, 62):
        track.append(mido.Message("note_on", note=pitch))
        track.append(mido.Message("note_off", note=pitch, time=480))
    mido.MidiFile(tracks=[track]).save(path)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The gateway's port stays the same when it is started anew."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder, library = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("library")
    write_scale(library / "scale.mid")
    with Server(0, folder=folder) as server, ExitStack() as stack:
        site = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Site))
        origin = f"http://127.0.0.1:{site.server_address[1]}"
        settings = ServeSettings(
            port=0,
            web_port=port,
            osc_port=None,
            folder=folder,
            library=(str(library),),
            pages=(origin,),
        )
        threading.Thread(target=site.serve_forever, daemon=True).start()
        stack.callback(site.shutdown)
        thread = threading.Thread(target=server.run)
        thread.start()
        stack.callback(thread.join, 20)
        stack.callback(server.stop)
        models, gateway = children_of(server, settings)
        for child in (models, gateway):
            stack.callback(child.end)
            child.start()
        yield Served(gateway, server.addresses.web, origin)


@pytest.fixture
def page(browser: Page, served: Served) -> Iterator[Page]:
    """The console, freshly loaded; its session is closed afterwards."""
    browser.resize(1280, 800)
    browser.faults.clear()
    browser.open(f"{served.address}/")
    browser.wait("document.querySelector('#link').classList.contains('open')")
    browser.wait("document.querySelector('#cue').options.length > 0")
    yield browser
    browser.value(
        "import('/music.js').then(({ music }) => music.session && music.session.close())"
        ".then(() => 0, () => 0)"
    )
