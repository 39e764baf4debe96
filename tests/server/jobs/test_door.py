"""Who may ask the models what, and the models of a whole server."""

import threading
from pathlib import Path

import pytest
import zmq

from segue.client import Client, ClientError, RequestError
from segue.client.keys import read_keys
from segue.client.models import Models
from segue.server.jobs.service import Service
from segue.server.jobs.tasks import JobLimits
from segue.server.security.keys import KeyFolder
from segue.server.serving.serve import children_of
from segue.server.serving.server import Server
from segue.server.serving.settings import ServeSettings


def code_of(error: "pytest.ExceptionInfo[RequestError]") -> str:
    return error.value.code


def test_rights_reach_as_far_as_they_do(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path / "keys", make=True)
    files = {rights: keys.new(rights, rights) for rights in ("play", "steer", "admin")}
    files["other"] = keys.new("other", "steer")
    limits = JobLimits(workers=1, warm=False)
    with Service(folder=tmp_path, keys=keys, limits=limits) as service, zmq.Context() as context:
        thread = threading.Thread(target=service.run)
        thread.start()
        clients = {
            name: Models(context, service.endpoint, timeout_seconds=60.0, keys=read_keys(file))
            for name, file in files.items()
        }
        assert clients["play"].functions()
        with pytest.raises(RequestError) as caught:
            clients["play"].call("compose")
        assert code_of(caught) == "forbidden"
        job = clients["steer"].submit("compose")
        assert job.result(60.0).value["pieces"]
        assert [one.id for one in clients["steer"].jobs()] == [job.id]
        assert clients["other"].jobs() == []
        job._models = clients["other"]
        with pytest.raises(RequestError) as caught:
            job.cancel()
        assert code_of(caught) == "forbidden"
        assert [one.id for one in clients["admin"].jobs()] == [job.id]
        with pytest.raises(RequestError) as caught:  # keys are not to be read
            clients["admin"].call("key", file="keys/server.key")
        assert code_of(caught) == "refused"
        for client in clients.values():
            client.close()
        service.stop()
        thread.join(10)


def test_a_client_reaches_the_models_of_a_whole_server(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGUE_CACHE", str(folders / "cache"))
    settings = ServeSettings(
        port=0,
        web_port=None,
        osc_port=None,
        folder=folders / "work",
        library=(str(folders / "songs"),),
    )
    with Server(0, folder=folders / "work") as server:
        (child,) = children_of(server, settings)
        child.start()
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with Client(server.endpoint) as client:
                client.models.timeout_seconds = 60.0
                found = client.models.call("key", library="songs/tune.mid")
                assert found.value["key"] == "C major"
        finally:
            server.stop()
            thread.join(20)
            child.end()


def test_a_server_without_models_is_told_of(tmp_path: Path) -> None:
    with Server(0, folder=tmp_path) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with Client(server.endpoint) as client, pytest.raises(ClientError, match="no models"):
                _ = client.models
        finally:
            server.stop()
            thread.join(20)
