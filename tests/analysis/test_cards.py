"""Model cards: round trip, lists, damaged and foreign files."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from segue.analysis.cards import (
    MODELS,
    Card,
    Metric,
    Output,
    Source,
    list_cards,
    load_weights,
    read_card,
    save_model,
)
from segue.music.errors import FileFormatError, SegueError


def card(name: str = "small", weights: str = "small.npz") -> Card:
    return Card(
        name=name,
        task="test",
        version="1",
        summary="two numbers",
        inputs=("x",),
        outputs=(Output("y", "none"),),
        training_data=(Source("none", "none", "nothing"),),
        commercial_use="open",
        split="none",
        metrics=(Metric("R2", 0.5, 0.4, 0.6, "nothing"),),
        command="none",
        weights=weights,
        sha256="",
    )


def test_round_trip(tmp_path: Path) -> None:
    saved = save_model(tmp_path, card(), {"a": np.arange(3.0)})
    loaded, weights = load_weights(tmp_path / "small.json")
    assert loaded == saved and len(saved.sha256) == 64
    np.testing.assert_array_equal(weights["a"], [0.0, 1.0, 2.0])


def test_same_weights_same_hash(tmp_path: Path) -> None:
    first = save_model(tmp_path, card(), {"a": np.arange(3.0)})
    assert save_model(tmp_path, card(), {"a": np.arange(3.0)}) == first


def test_shipped_cards_are_whole() -> None:
    cards = list_cards()
    names = {shipped.name for shipped in cards}
    assert {"emotion_vgmidi", "emotion_published", "emotion_emopia"} <= names
    for shipped in cards:
        assert shipped.summary and shipped.command and shipped.commercial_use
        assert shipped.training_data and shipped.outputs and shipped.inputs
        for metric in shipped.metrics:
            assert metric.low <= metric.value <= metric.high
    sizes = [path.stat().st_size for path in MODELS.iterdir()]
    assert max(sizes) < 1_000_000 and sum(sizes) < 4_000_000


def test_lists_several_folders_by_task_and_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        save_model(tmp_path / name, card(name, f"{name}.npz"), {"a": np.zeros(1)})
    assert [found.name for found in list_cards(tmp_path / "b", tmp_path / "a")] == ["a", "b"]


def test_changed_weights_are_found(tmp_path: Path) -> None:
    save_model(tmp_path, card(), {"a": np.zeros(3)})
    weights = tmp_path / "small.npz"
    weights.write_bytes(weights.read_bytes() + b"!")
    with pytest.raises(FileFormatError, match=r"small\.npz have the hash .* train the model"):
        list_cards(tmp_path)
    assert [found.name for found in list_cards(tmp_path, verify=False)] == ["small"]


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    import hashlib

    np.savez(tmp_path / "small.npz", a=np.array([{"any": "object"}], dtype=object))
    digest = hashlib.sha256((tmp_path / "small.npz").read_bytes()).hexdigest()
    signed = msgspec.structs.replace(card(), sha256=digest)
    (tmp_path / "small.json").write_bytes(msgspec.json.encode(signed))
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_weights(tmp_path / "small.json")


def test_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "small.json").write_bytes(msgspec.json.encode(card(weights="../small.npz")))
    with pytest.raises(FileFormatError, match="another folder"):
        load_weights(tmp_path / "small.json")


@pytest.mark.parametrize("text", ["", "{}", '{"name": 3}', "[1, 2"])
def test_what_is_no_card(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match="not a model card"):
        read_card(path)


def test_missing_folder_and_file(tmp_path: Path) -> None:
    with pytest.raises(SegueError, match="no folder"):
        list_cards(tmp_path / "none")
    with pytest.raises(SegueError, match="cannot read"):
        read_card(tmp_path / "none.json")
