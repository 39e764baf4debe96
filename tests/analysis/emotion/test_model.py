"""Emotion models: what they say of music that is plainly happy, sad, fast, loud; bounds; speed."""

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from segue.analysis.cards import save_model
from segue.analysis.emotion.model import LIMIT, EmotionModel, load_emotion_model, tension
from segue.analysis.emotion.published import (
    AXES,
    COEFFICIENTS,
    CUES,
    EMOTIONS,
    fit_coefficients,
    published_weights,
)
from segue.analysis.scores.symbolic import FEATURES, bar_features
from segue.music.errors import FileFormatError, UnknownNameError
from segue.music.score import make_notes

MODELS = ("vgmidi", "published", "emopia")
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


def bar(
    *,
    scale: tuple[int, ...] = MAJOR,
    bpm: float = 110.0,
    notes: int = 8,
    velocity: float = 0.5,
    octave: int = 5,
    duration: float = 0.9,
    strokes: int = 0,
    seed: int = 0,
) -> np.ndarray:
    """Features of a bar: a melody on the scale over a tonic triad."""
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(notes):
        step = int(rng.choice([0, 0, 1, 2, 2, 3, 4, 4, 5, 6]))
        start, length = index * 4 / notes, 4 / notes * duration
        rows.append((start, length, 12 * octave + 12 + scale[step], velocity))
    for step in (0, 2, 4):
        rows.append((0.0, 4.0 * duration, 12 * octave + scale[step], velocity))
    drums = [(index * 4 / strokes, 0.1, 38, 0.8) for index in range(strokes)]
    return bar_features(
        make_notes(rows),
        tonic=0,
        bar_beats=4.0,
        bar_seconds=240.0 / bpm,
        percussive=make_notes(drums),
    )


def mean_mood(name: str, **options: object) -> np.ndarray:
    features = np.stack([bar(seed=seed, **options) for seed in range(30)])  # type: ignore[arg-type]
    return load_emotion_model(name).predict(features).mean(axis=0)


@pytest.mark.parametrize("name", MODELS)
def test_major_is_brighter_than_minor(name: str) -> None:
    assert mean_mood(name, scale=MAJOR)[0] > mean_mood(name, scale=MINOR)[0] + 0.2


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("bpm", (50.0, 80.0, 110.0, 150.0, 190.0)),
        ("velocity", (0.15, 0.3, 0.5, 0.7, 0.9)),
        ("notes", (2, 4, 8, 16)),
    ],
)
def test_arousal_rises(name: str, option: str, values: tuple[float, ...]) -> None:
    arousal = [mean_mood(name, **{option: value})[1] for value in values]
    assert np.all(np.diff(arousal) > 0), arousal
    assert arousal[-1] - arousal[0] > 0.6


def test_drums_raise_arousal() -> None:
    arousal = [mean_mood("vgmidi", notes=16, strokes=strokes)[1] for strokes in (0, 4, 16)]
    assert np.all(np.diff(arousal) > 0.05)


def test_loudness_does_not_move_valence_of_the_trained_model() -> None:
    soft, loud = mean_mood("vgmidi", velocity=0.2), mean_mood("vgmidi", velocity=0.9)
    assert abs(soft[0] - loud[0]) < 1e-9


@pytest.mark.parametrize("name", MODELS)
def test_bounded_and_finite_whatever_the_features(name: str) -> None:
    rng = np.random.default_rng(0)
    wild = rng.standard_normal((2000, len(FEATURES))) * 10.0 ** rng.uniform(-2, 6, (2000, 1))
    moods = load_emotion_model(name).predict(wild)
    assert np.isfinite(moods).all() and np.abs(moods).max() <= LIMIT
    assert np.abs(tension(wild)).max() <= 1.0


@pytest.mark.parametrize("name", MODELS)
def test_small_changes_change_little(name: str) -> None:
    model = load_emotion_model(name)
    tempos = np.linspace(50, 200, 600)
    moods = model.predict(np.stack([bar(bpm=float(bpm)) for bpm in tempos]))
    assert np.abs(np.diff(moods, axis=0)).max() < 0.05  # per quarter of a bpm


@pytest.mark.parametrize("name", MODELS)
def test_batches_equal_single_bars(name: str) -> None:
    model = load_emotion_model(name)
    features = np.stack([bar(seed=seed) for seed in range(6)])
    batch = model.predict(features.reshape(2, 3, -1))
    assert batch.shape == (2, 3, 2)
    np.testing.assert_allclose(batch[1, 2], model.predict(features[5]))
    assert tension(features.reshape(2, 3, -1)).shape == (2, 3)


def test_tension_of_scary_and_peaceful_music() -> None:
    scary = bar(scale=MINOR, bpm=160, velocity=0.85, octave=3)
    peaceful = bar(scale=MAJOR, bpm=65, velocity=0.25, octave=5, notes=4)
    assert tension(scary) > 0.3 and tension(peaceful) < -0.3


def test_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'vgmidi'"):
        load_emotion_model("vgmid")


def test_model_of_other_features_is_refused(tmp_path: Path) -> None:
    card = msgspec.structs.replace(load_emotion_model("published").card, inputs=("tempo",))
    save_model(tmp_path, card, published_weights())
    with pytest.raises(FileFormatError, match="other features"):
        EmotionModel(tmp_path / "emotion_published.json")


def test_published_weights_are_those_shipped() -> None:
    shipped = load_emotion_model("published")
    features = np.stack([bar(seed=seed) for seed in range(5)])
    weights = published_weights()
    held = np.clip(features, weights["low"], weights["high"])
    raw = held @ weights["linear"] + weights["bias"]
    np.testing.assert_allclose(shipped.predict(features), LIMIT * np.tanh(raw / LIMIT))


def test_published_cues_have_the_signs_of_the_study() -> None:
    named = dict(zip(CUES, COEFFICIENTS, strict=True))
    scary, happy, sad, peaceful = (EMOTIONS.index(name) for name in EMOTIONS)
    assert named["mode"][happy] > 0 > named["mode"][sad]
    assert named["tempo"][happy] > 0 > named["tempo"][sad]
    assert named["dynamics"][scary] > 0 > named["dynamics"][peaceful]
    assert named["register"][scary] < 0 < named["register"][happy]
    valence, arousal, strain = (COEFFICIENTS @ AXES).T
    assert valence[0] > 0 and arousal[1] > 0 and strain[3] > 0


def test_fit_of_published_tables_recovers_known_coefficients() -> None:
    rng = np.random.default_rng(0)
    levels = (6, 2, 5, 5, 4, 3, 4)
    design = np.column_stack([np.arange(200), *(rng.integers(1, n + 1, 200) for n in levels)])
    cues = np.column_stack(
        [
            3.0 - 2.0 * design[:, 2],
            np.log1p(np.array([1.2, 2.0, 2.8, 4.4, 6.0])[design[:, 3] - 1]),
            53.0 + 6.0 * (design[:, 1] - 1),
            5.0 * (design[:, 4] - 3),
            np.log(1.0 - 0.25 * (design[:, 5] - 1)),
        ]
    )
    ratings = cues @ COEFFICIENTS + 0.3 * (design[:, [7]] == 2) + 2.0
    found, r_squared = fit_coefficients(
        design.astype(float), np.column_stack([np.arange(200), ratings])
    )
    np.testing.assert_allclose(found, COEFFICIENTS, atol=1e-8)
    assert r_squared.min() > 0.999


def test_fast_enough_to_train_on() -> None:
    model = load_emotion_model()
    features = np.stack([bar(seed=seed) for seed in range(4)] * 128)

    def fastest(rows: np.ndarray) -> float:
        times = []
        for _ in range(50):
            start = time.perf_counter()
            model.predict(rows)
            times.append(time.perf_counter() - start)
        return min(times)

    assert fastest(features) / len(features) < 10e-6
    assert fastest(features[:1]) < 100e-6
