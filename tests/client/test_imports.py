import subprocess
import sys

import pytest


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_client_needs_only_pyzmq_and_msgspec() -> None:
    modules = loaded_by("import segue.client")
    of_segue = {name for name in modules if name.startswith("segue")}
    assert {name for name in of_segue if name.count(".") > 0} == {
        "segue.client",
        *(f"segue.client.{part}" for part in CLIENT_PARTS),
    }
    assert "zmq" in modules and "msgspec" in modules
    assert not modules & {"numpy", "torch", "pyo", "mido", "gymnasium", "soundfile"}


CLIENT_PARTS = (
    *("client", "errors", "heart", "inbox", "order", "keys", "models", "verbs", "wire", "protocol"),
    *(f"protocol.{part}" for part in ("basics", "events", "models", "replies", "requests")),
)


@pytest.mark.parametrize("statement", ["import segue", "import segue; segue.__version__"])
def test_the_package_itself_loads_nothing_heavy(statement: str) -> None:
    modules = loaded_by(statement)
    assert not modules & {"numpy", "torch", "pyo", "zmq", "msgspec", "gymnasium"}


def test_opening_an_embedded_session_loads_neither_torch_nor_pyo() -> None:
    modules = loaded_by("import segue; segue.open('dungeon', director='table').close()")
    assert not modules & {"torch", "pyo", "stable_baselines3"}
    assert "segue.server.sessions.session" in modules
