"""A headless Chromium, driven by its DevTools protocol over one WebSocket."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import connect

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


def chromium() -> str | None:
    """Where the browser is, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """One page; `faults` gathers what its console complains of.

    :param folder: for the browser's profile
    """

    def __init__(self, folder: Path, width: int = 1280, height: int = 800) -> None:
        program = chromium()
        assert program is not None
        size = f"--window-size={width},{height}"
        command = [program, *FLAGS, size, f"--user-data-dir={folder}", "about:blank"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )
        self.faults: list[str] = []
        self._count = 0
        try:
            browser = connect(self._address(folder), max_size=None, open_timeout=START_SECONDS)
        except BaseException:
            self._end()
            raise
        self._socket, self._session = browser, ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _address(self, folder: Path) -> str:
        told = folder / "DevToolsActivePort"
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            lines = told.read_text().split("\n") if told.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.02)
        raise TimeoutError("Chromium does not tell its port")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call of the DevTools protocol, and its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            told = json.loads(self._socket.recv(timeout=START_SECONDS))
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
        """Until a condition in JavaScript holds, looked at with each frame that is drawn."""
        text = json.dumps(f"not in {seconds} s: {condition}")
        self.value(
            f"new Promise((resolve, reject) => {{ const end = performance.now() + {1000 * seconds};"
            f" const look = () => ({condition}) ? resolve(true)"
            f" : performance.now() > end ? reject(new Error({text}))"
            " : setTimeout(look, 20); look(); })"
        )

    def click(self, selector: str) -> None:
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def picture(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self._socket.close()
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
