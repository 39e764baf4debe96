import json

import numpy as np
import pytest

from segue.analysis.harmony.chord_decoder import NO_CHORD, QUALITIES
from segue.analysis.harmony.chroma import FINE, HOP, SEMITONES
from segue.analysis.spectra import RATE

torch = pytest.importorskip("torch")

from segue.analysis.training.chord_data import (  # noqa: E402
    Clip,
    label_frames,
    load,
    prepare,
    read_key,
    read_label,
)
from segue.analysis.training.chord_net import ChordNet, export  # noqa: E402
from segue.analysis.training.ship_chords import count_moves, interval  # noqa: E402
from segue.analysis.training.train_chords import (  # noqa: E402
    BATCH,
    CROP,
    batch_of,
    frame_scores,
    key_score,
    loss_of,
)

SIZE = len(QUALITIES)
TRUTH = {
    "family": "pop",
    "key": "A minor",
    "notes": [[0.0, 1.0, 45, 90, 0], [0.0, 1.0, 60, 90, 0], [1.0, 2.0, 64, 90, 0]],
    "chords": [[0.0, 1.0, "A:min"], [1.0, 1.5, "X"], [1.5, 2.0, "C:maj/3"]],
}


@pytest.mark.parametrize(
    ("label", "root", "quality", "bass"),
    [
        ("C:maj", 0, "maj", 0),
        ("Eb:min7/b3", 3, "min7", 6),
        ("F#:hdim7", 6, "hdim7", 6),
        ("Cb:7/b7", 11, "7", 9),
        ("G:sus4(b7)", 7, "sus4", 7),
        ("D:maj9", 2, "maj7", 2),
    ],
)
def test_labels_are_read(label, root, quality, bass):
    assert read_label(label) == (root * SIZE + QUALITIES.index(quality), bass)


def test_labels_without_a_chord():
    assert read_label("N") == (NO_CHORD, 12)
    assert read_label("X") == (-1, -1)
    assert read_label("C:1") == (-1, -1)
    assert read_key("Gb minor") == 18
    assert read_key(None) == -1


def test_frames_know_what_sounds():
    chord, bass, pitch = label_frames(TRUTH, round(2 * RATE / HOP))
    at = [round(second * RATE / HOP) for second in (0.5, 1.25, 1.75)]
    assert [read_label("A:min")[0], -1, read_label("C:maj")[0]] == chord[at].tolist()
    assert bass[at].tolist() == [9, -1, 4]
    assert np.flatnonzero(pitch[at[0]]).tolist() == [45 - 24, 60 - 24]


def test_a_corpus_becomes_frames(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    (tmp_path / "train").mkdir()
    t = np.arange(2 * RATE) / RATE
    soundfile.write(tmp_path / "train/1.flac", 0.3 * np.sin(2 * np.pi * 220 * t), RATE)
    (tmp_path / "train/1.json").write_text(json.dumps(TRUTH))
    (tmp_path / "train/2.json").write_text("{")  # still being written
    cache = tmp_path / "cache"
    assert prepare(tmp_path, cache, "train") == 1
    assert prepare(tmp_path, cache, "train") == 0
    (clip,) = load(cache, "train")
    assert (clip.name, clip.family, clip.key) == ("1", "pop", 21)
    assert clip.loudness[20, 0].argmax() == (57 - 24) * FINE + 1
    (tmp_path / "train/2.json").unlink()
    counts, rate = count_moves(tmp_path / "train")
    assert counts.sum() == 0  # what lies between the two chords is not known
    assert rate == 0.0


def random_clip(frames=500):
    random = np.random.default_rng(0)
    loudness = random.random((frames, 2, SEMITONES * FINE)).astype(np.float16)
    chord = np.full(frames, read_label("A:min")[0], np.int16)
    pitch = np.zeros((frames, SEMITONES), bool)
    pitch[:, 33] = True
    return Clip("one", "pop", loudness, chord, np.full(frames, 9, np.int8), pitch, 21)


def test_crops_are_moved_with_their_labels():
    loudness, chord, bass, pitch, key = batch_of([random_clip()], np.random.default_rng(1))
    assert loudness.shape == (BATCH, CROP, 2, SEMITONES * FINE)
    shifts = [int(row[0].argmax()) - 33 for row in pitch]
    assert len(set(shifts)) > 2
    for row, shift in enumerate(shifts):
        assert int(chord[row, 0]) == (9 + shift) % 12 * SIZE + 1
        assert int(bass[row, 0]) == (9 + shift) % 12
        assert int(key[row]) == 12 + (9 + shift) % 12


def test_the_network_is_blind_to_transposition():
    torch.manual_seed(0)
    net = ChordNet(front=4, width=6, blocks=1).eval()
    low = torch.zeros(1, 16, 2, SEMITONES * FINE)
    low[:, :, :, 36 * FINE : 48 * FINE] = torch.rand(12 * FINE)
    third = torch.roll(low, 4 * FINE, dims=3)
    features = torch.rand(1, 16, 12, 6)
    torch.nn.init.normal_(net.last[0].out.weight)
    with torch.no_grad():
        chord, bass, active, key, pitch = net(low)
        higher = net(third)[4]
        mixed, moved = net.last[0](features), net.last[0](torch.roll(features, 5, dims=2))
    torch.testing.assert_close(pitch[..., 10:70], higher[..., 14:74], atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.roll(mixed, 5, dims=2), moved, atol=1e-5, rtol=0)
    assert chord.shape == (1, 16, NO_CHORD + 1)
    assert (bass.shape[2], active.shape[2], key.shape[2]) == (13, 12, 24)


def test_a_step_of_learning_lowers_the_loss():
    torch.manual_seed(0)
    net = ChordNet(front=4, width=6, blocks=1)
    batch = batch_of([random_clip()], np.random.default_rng(0))
    batch = (*(part[:2, :32] for part in batch[:4]), batch[4][:2])
    losses = []
    for _ in range(6):
        loss = torch.stack(loss_of(net, batch)).sum()
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for weights in net.parameters():
                weights -= 0.05 * weights.grad
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_the_export_plays_any_length(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    net = ChordNet(front=4, width=6, blocks=1)
    session = onnxruntime.InferenceSession(export(net))
    loudness = np.random.default_rng(0).random((22, 2, SEMITONES * FINE), np.float32)
    chord, *_ = session.run(None, {"loudness": loudness})
    with torch.no_grad():
        logits = net.eval()(torch.from_numpy(loudness)[None])[0][0]
    np.testing.assert_allclose(chord, torch.log_softmax(logits, 1).numpy(), atol=1e-4)


def test_scores():
    c7, c, am = (read_label(label)[0] for label in ("C:7", "C:maj", "A:min"))
    majmin, sevenths = frame_scores(np.array([c, c, am, am]), np.array([c7, c, am, -1]))
    assert (majmin, sevenths) == (1.0, pytest.approx(2 / 3))
    assert key_score(0, 0) == 1.0
    assert key_score(7, 0) == 0.5
    assert key_score(5, 0) == 0.0
    assert key_score(21, 0) == key_score(0, 21) == 0.3
    assert key_score(12, 0) == 0.2
    metric = interval("x", np.array([0.0, 1.0, np.nan, 1.0, 0.0]))
    assert (metric.value, metric.low < 0.5 < metric.high) == (0.5, True)
