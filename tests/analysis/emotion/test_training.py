"""Training on small made-up sets: reading, memory, fitting, measures, messages."""

import csv
import gzip
import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from segue.analysis.emotion.data import (
    RATING_MEAN,
    RATING_SD,
    RatedBars,
    read_emopia,
    read_vgmidi,
    score_features,
)
from segue.analysis.scores.symbolic import FEATURES
from segue.music.errors import SegueError
from segue.music.midi import write_midi
from segue.music.score import Score, Track, make_notes
from segue.music.tempo import TempoMap

pytest.importorskip("sklearn")

from segue.analysis.emotion import training as training


def small_score(bars: int = 3, bpm: float = 120.0) -> Score:
    rows = [(beat * 1.0, 0.9, 60 + (0, 4, 7, 12)[beat % 4], 0.5) for beat in range(4 * bars)]
    return Score((Track("piano", make_notes(rows)),), TempoMap(bpm))


def zip_scores(path: Path, scores: dict[str, Score]) -> None:
    with ZipFile(path, "w") as archive:
        for name, score in scores.items():
            write_midi(score, path.parent / "one.mid")
            archive.write(path.parent / "one.mid", f"midi/{name}.mid")


def rated(seed: int, pieces: int = 12, bars: int = 40) -> RatedBars:
    """Bars whose ratings follow from their features, and a little from chance."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((pieces * bars, len(FEATURES)))
    seen = features[:, training._SEEN]
    valence = np.tanh(seen[:, 0]) + 0.5 * np.abs(seen[:, 1])
    arousal = seen[:, 2] + 0.4 * features[:, training._VELOCITY]
    targets = np.stack([valence, arousal], axis=1) + 0.1 * rng.standard_normal((len(seen), 2))
    piece = np.repeat(np.arange(pieces), bars)
    return RatedBars(features, targets, piece, np.array([f"series {p % 6}" for p in piece]))


def test_score_features_are_of_bars_of_four_beats() -> None:
    features = score_features(small_score(bars=3, bpm=60.0))
    assert features.shape == (3, len(FEATURES))
    onsets = features[:, FEATURES.index("onset_density")]
    np.testing.assert_allclose(onsets, np.log(1 + 4 / 4.0))  # four onsets in four seconds


def test_read_vgmidi(tmp_path: Path) -> None:
    folder = tmp_path / "vgmidi"
    folder.mkdir()
    zip_scores(folder / "vgmidi_labelled_midi.zip", {"Saga_NES_Title": small_score(bars=3)})
    whole = {"valence": [0.1, 0.2, 0.3], "arousal": [0.4, 0.5, 0.6]}
    short = {"valence": [-1.0], "arousal": [-1.0]}
    piece = {"midi": "Saga_NES_Title.mid", "measures": 3, "annotations": [whole, whole, short]}
    with gzip.open(folder / "vgmidi_annotations.jsonl.gz", "wt") as file:
        file.write(json.dumps(piece) + "\n")
    bars = read_vgmidi(tmp_path)
    assert bars.features.shape == (3, len(FEATURES))
    assert list(bars.group) == ["Saga"] * 3
    expected = (np.array([[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]]) - RATING_MEAN) / RATING_SD
    np.testing.assert_allclose(bars.targets, expected)


def test_read_emopia(tmp_path: Path) -> None:
    folder = tmp_path / "emopia"
    folder.mkdir()
    names = {"train": "Q1_a_0", "val": "Q2_b_0", "test": "Q3_c_0"}
    zip_scores(folder / "emopia_midi.zip", {name: small_score(bars=2) for name in names.values()})
    for split, name in names.items():
        with open(folder / f"{split}.csv", "w", newline="") as file:
            csv.writer(file).writerows([("fname", "label"), (name, name[:2])])
    clips = read_emopia(tmp_path)
    assert list(clips.group) == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    np.testing.assert_array_equal(clips.targets[::2], [[1, 1], [-1, 1], [-1, -1]])


def test_memory_starts_anew_in_each_piece() -> None:
    features = np.array([[0.0], [1.0], [1.0], [5.0], [5.0]])
    piece = np.array([0, 0, 0, 1, 1])
    bars = RatedBars(features, np.zeros((5, 2)), piece, np.array(["x"] * 5))
    heard = bars.remembered(1.0).features[:, 0]
    np.testing.assert_allclose(heard, [0.0, 0.5, 0.75, 5.0, 5.0])
    assert bars.remembered(0.0) is bars


@pytest.mark.parametrize("network", [False, True])
def test_fit_learns_what_is_there(network: bool) -> None:
    weights = training.fit(rated(0), network=network)
    test = rated(1)
    predictions = training.predictor(weights)(test.features)
    scores = [training.r_squared(test.targets[:, k], predictions[:, k]) for k in (0, 1)]
    assert scores[0] > (0.6 if network else 0.4) and scores[1] > 0.7


def test_velocity_moves_arousal_alone() -> None:
    predict = training.predictor(training.fit(rated(0)))
    features = np.zeros((2, len(FEATURES)))
    features[1, training._VELOCITY] = 1.0
    soft, loud = predict(features)
    assert loud[0] == soft[0] and loud[1] > soft[1] + 0.2


def test_velocity_slope_is_that_within_pieces() -> None:
    rng = np.random.default_rng(0)
    bars = rated(0, pieces=60)
    swell = np.tile(np.repeat([-1.0, 1.0], 20), 60)  # each piece has a soft and a loud half
    convention = np.repeat(rng.standard_normal(60) * 3.0, 40)  # differs by file, means nothing
    features, targets = bars.features.copy(), bars.targets.copy()
    features[:, training._VELOCITY] = swell + convention
    targets[:, 1] = 0.4 * swell
    changed = RatedBars(features, targets, bars.piece, bars.group)
    assert training.velocity_slope(changed) == pytest.approx(0.4, abs=0.08)


def test_weights_for_play_have_the_slope_given_about_the_centre() -> None:
    weights = training.fit(rated(0))
    features = np.zeros((2, len(FEATURES)))
    features[:, training._VELOCITY] = training.VELOCITY_CENTRE, training.VELOCITY_CENTRE + 0.1
    middle, louder = training.predictor(training.for_play(weights, 2.0))(features)
    assert louder[1] - middle[1] == pytest.approx(0.2, abs=0.05)
    at_mean = np.zeros(len(FEATURES))
    at_mean[training._VELOCITY] = weights["mean"][training._VELOCITY]
    np.testing.assert_allclose(training.predictor(weights)(at_mean), middle, atol=1e-9)


def test_cross_validation_predicts_each_bar_from_other_series() -> None:
    bars = rated(0)
    odd = bars.group == "series 0"
    targets = bars.targets.copy()
    targets[odd] = 100.0  # would be learned if it leaked
    leaky = RatedBars(bars.features, targets, bars.piece, bars.group)
    predictions = training.cross_validated(leaky, 0.0, network=False)
    assert np.abs(predictions[odd]).max() < training.LIMIT * 0.99


def test_measures_of_known_predictions() -> None:
    targets = np.array([0.0, 1.0, 2.0, 3.0])
    assert training.r_squared(targets, targets) == 1.0
    assert training.r_squared(targets, np.full(4, 1.5)) == 0.0
    assert training.concordance(targets, targets) == pytest.approx(1.0)
    assert training.concordance(targets, -targets) < 0
    assert training.concordance(targets, targets + 1.0) == pytest.approx(2.5 / 3.5)


def test_intervals_hold_the_value() -> None:
    bars = rated(0)
    for metric in training.measure(bars, bars.targets * 0.5, "here"):
        assert metric.low <= metric.value <= metric.high
        assert metric.low < metric.high and metric.measured_on == "here"


def test_missing_data_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGUE_DATA", raising=False)
    assert training.main([]) == 1
    assert "give --data DIR or set SEGUE_DATA" in capsys.readouterr().err
    assert training.main(["--data", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "vgmidi_annotations" in capsys.readouterr().err
    with pytest.raises(SegueError, match="with --data"):
        read_emopia(tmp_path)
    assert not list(tmp_path.iterdir())
