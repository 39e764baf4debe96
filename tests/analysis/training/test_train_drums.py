import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mir_eval")
pytest.importorskip("onnx")

from segue.analysis.notes.drums import BANDS, CLASSES, HOP  # noqa: E402
from segue.analysis.spectra import RATE  # noqa: E402
from segue.analysis.training import train_drums  # noqa: E402

HITS = [(0.5, 36, 100), (1.0, 38, 127), (1.5, 46, 64), (2.0, 51, 90), (2.5, 70, 80), (3.0, 45, 70)]


@pytest.fixture
def clip():
    return train_drums.clip_of(np.zeros((700, BANDS), np.float32), HITS)


def at(seconds):
    return round(seconds * RATE / HOP)


def test_strokes_become_targets(clip):
    assert [clip.targets[at(t), c] for t, c in ((0.5, 0), (1.0, 1), (1.5, 2), (2.0, 4))] == [1] * 4
    assert clip.targets[at(0.5) + 1, 0] == 0.5 and clip.targets[at(0.5) + 2, 0] == 0.0
    assert clip.targets.sum() == 5 * 2.0
    assert clip.detail[at(1.0), 1] == 1.0
    assert clip.detail[at(1.5), 5] == 1.0 and clip.detail[at(2.0), 6] == 1.0
    assert clip.detail[at(0.7), 0] == -1.0


def test_what_is_like_a_hat_is_not_judged(clip):
    assert clip.known[at(2.5), 2] == 0.0
    assert clip.known[at(2.5), 0] == 1.0
    assert (clip.known[clip.targets > 0] == 1.0).all()


def test_a_perfect_answer_scores_one(clip):
    onsets = clip.targets.astype(np.float32)
    metrics = train_drums.metrics_of([onsets, onsets], [clip, clip], [0.4] * 5, "here")
    assert [metric.value for metric in metrics] == [1.0] * 6
    late = np.roll(onsets, at(0.2), axis=0)
    metrics = train_drums.metrics_of([late], [clip], [0.4] * 5, "here")
    assert metrics[-1].value == 0.0


def test_thresholds_are_tuned_by_class(clip):
    onsets = 0.3 * clip.targets.astype(np.float32)
    onsets[:, 1] *= 2.5
    onsets[at(2.2), 1] = 0.5  # a weaker false stroke
    thresholds = train_drums.tune([onsets], [clip])
    assert thresholds[0] <= 0.3 and 0.5 < thresholds[1] <= 0.75


def test_a_step_of_training_helps(clip):
    torch.manual_seed(0)
    net = train_drums.DrumNet(16)
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.random((1, 200, BANDS), np.float32))
    rows = (clip.targets, clip.known, clip.detail)
    labels = [torch.from_numpy(x[None, :200].astype(np.float32)) for x in rows]
    batch = (features, *labels)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    before = float(train_drums.loss_of(net, batch).detach())
    for _ in range(8):
        optimizer.zero_grad()
        loss = train_drums.loss_of(net, batch)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.8 * before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_exported_plays_the_same():
    onnxruntime = pytest.importorskip("onnxruntime")
    net = train_drums.DrumNet(16).eval()
    data = train_drums.export(net)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    features = np.random.default_rng(0).random((1, 123, BANDS), np.float32)
    onsets, detail = session.run(None, {"features": features})
    assert onsets.shape == (1, 123, len(CLASSES)) and detail.shape == (1, 123, 7)
    with torch.no_grad():
        expected = torch.sigmoid(net(torch.from_numpy(features))[0]).numpy()
    np.testing.assert_allclose(onsets, expected, atol=1e-5)
