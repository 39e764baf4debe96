"""Material that is kept on disk is the same as what was made, and never in the way."""

import numpy as np
import pytest

from segue.synth.recipes import Recipe, bake

RATE = 8_000
made = []


def render(hz, sample_rate):
    made.append(hz)
    wave = np.sin(2 * np.pi * hz * np.arange(400) / sample_rate)
    return np.stack([0.3 * wave, 0.6 * wave]).astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "kept"))
    bake.cache_clear()
    made.clear()
    yield tmp_path / "kept"
    bake.cache_clear()


def recipe(name="tone"):
    return Recipe(name, render, 60, 64, step=4)


def test_what_is_fetched_equals_what_was_made(folder):
    first = bake(recipe(), RATE)
    assert [zone.shape for zone in first.zones] == [(2, 1, 400)] * 2 and len(made) == 2
    table = first.scale * first.zones[0][1, 0]
    assert np.abs(table - render(261.6256, RATE)[1]).max() < 3e-5
    bake.cache_clear()
    again = bake(recipe(), RATE)
    assert len(made) == 3  # the one of the line above
    assert first.scale == again.scale
    assert all(
        np.array_equal(one, other) for one, other in zip(first.zones, again.zones, strict=True)
    )


def test_another_rate_is_made_anew_and_older_files_go(folder):
    bake(recipe(), RATE)
    (folder / "tone-8000-0123456789abcdef.pcm").write_bytes(b"of older code")
    bake.cache_clear()
    bake(recipe(), 2 * RATE)
    (kept,) = folder.glob("tone-16000-*.pcm")
    kept.write_bytes(kept.read_bytes()[:100])  # damaged
    bake.cache_clear()
    before = len(made)
    assert len(bake(recipe(), 2 * RATE).zones) == 2 and len(made) == before + 2


def test_a_folder_that_cannot_be_used_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "file"))
    assert len(bake(recipe(), RATE).zones) == 2
    bake.cache_clear()
    assert len(bake(recipe(), RATE).zones) == 2 and len(made) == 4
