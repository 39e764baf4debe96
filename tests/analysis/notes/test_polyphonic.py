import numpy as np
import pytest

from segue.analysis.notes.polyphonic import NoteListener, find_notes, note_posteriors, notes_from
from segue.analysis.spectra import RATE, to_mono
from segue.music.errors import RangeError, SegueError

pytest.importorskip("onnxruntime")


def tone(sound, rate, onset, offset, midi, velocity=0.7, decay=2.0):
    """Add a plucked or blown tone with twelve partials to a sound."""
    t = np.arange(round((offset - onset) * rate)) / rate
    hz = 440.0 * 2.0 ** ((midi - 69) / 12)
    wave = np.zeros(len(t))
    for number in range(1, 13):
        if number * hz < 0.45 * rate:
            wave += np.sin(2 * np.pi * number * hz * t + number) / number**1.3
    shape = np.minimum(1.0, t / 0.006) * np.exp(-decay * t)
    shape *= np.minimum(1.0, (t[-1] - t) / 0.03)
    first = round(onset * rate)
    sound[first : first + len(t)] += 0.15 * velocity * wave * shape


def played(notes, seconds=4.0, rate=RATE, **options):
    sound = 1e-4 * np.random.default_rng(0).standard_normal(round(seconds * rate))
    for onset, offset, midi in notes:
        tone(sound, rate, onset, offset, midi, **options)
    return sound


def matched(heard, notes, tolerance=0.05):
    """How many of the notes are among those heard, by pitch and onset."""
    return sum(
        any(
            pitch == midi and abs(found - onset) < tolerance
            for found, pitch in zip(heard.onset_seconds, heard.pitch, strict=True)
        )
        for onset, _, midi in notes
    )


SCALE = [(0.3 + 0.4 * i, 0.65 + 0.4 * i, midi) for i, midi in enumerate([60, 62, 64, 65, 67, 69])]
CHORDS = [
    (0.4 + i, 1.3 + i, midi)
    for i, chord in enumerate([(48, 60, 64, 67), (53, 60, 65, 69), (55, 59, 62, 67)])
    for midi in chord
]


@pytest.mark.parametrize("decay", [0.3, 3.0])
@pytest.mark.parametrize("up", [-17, 0, 14])
def test_a_scale_is_found(up, decay):
    notes = [(onset, offset, midi + up) for onset, offset, midi in SCALE]
    heard = find_notes(played(notes, decay=decay), RATE)
    assert matched(heard, notes) >= 5
    assert len(heard) <= 8


def test_chords_are_found():
    heard = find_notes(played(CHORDS), RATE)
    assert matched(heard, CHORDS) >= 10
    assert len(heard) <= 15


def test_onsets_are_exact_and_ends_are_near():
    heard = find_notes(played(SCALE, decay=0.3), RATE)
    errors = [
        (found - onset, end - offset)
        for found, end, pitch in zip(
            heard.onset_seconds, heard.offset_seconds, heard.pitch, strict=True
        )
        for onset, offset, midi in SCALE
        if pitch == midi and abs(found - onset) < 0.05
    ]
    onset_errors, end_errors = np.abs(errors).T
    assert np.median(onset_errors) < 0.015
    assert np.median(end_errors) < 0.06


def test_louder_notes_have_higher_velocity():
    sound = played([])
    tone(sound, RATE, 0.5, 1.2, 60, velocity=0.15)
    tone(sound, RATE, 2.0, 2.7, 60, velocity=1.0)
    heard = find_notes(sound, RATE)
    soft, loud = (heard.velocity[np.abs(heard.onset_seconds - at) < 0.05] for at in (0.5, 2.0))
    assert len(soft) and len(loud)
    assert loud.max() > soft.max()


def test_results_are_well_formed():
    heard = find_notes(played(CHORDS), RATE)
    assert (np.diff(heard.onset_seconds) >= 0).all()
    assert (heard.offset_seconds > heard.onset_seconds).all()
    assert heard.pitch.dtype.kind == "i"
    for shares in (heard.velocity, heard.confidence):
        assert ((shares >= 0) & (shares <= 1)).all()


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_every_sample_rate_and_stereo(rate):
    sound = played(SCALE, rate=rate)
    heard = find_notes(np.stack([sound, 0.8 * sound], axis=1), rate)
    assert matched(heard, SCALE) >= 5


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(1), np.zeros(2 * RATE)])
def test_nothing_in_nothing(sound):
    heard = find_notes(sound, RATE)
    assert len(heard) == 0
    assert heard.pitch.shape == (0,)


@pytest.mark.parametrize("cents", [-48, 46])
def test_music_that_is_out_of_tune(cents):
    sound = played([(onset, offset, midi + cents / 100) for onset, offset, midi in CHORDS])
    heard = find_notes(sound, RATE)
    assert matched(heard, CHORDS) >= 11
    unaware = find_notes(sound, RATE, tuning_cents=0.0)
    assert heard.confidence.mean() > unaware.confidence.mean() + 0.1


def test_noise_has_hardly_any_notes():
    noise = 0.05 * np.random.default_rng(1).standard_normal(4 * RATE)
    assert len(find_notes(noise, RATE)) <= 2


def test_a_recording_shorter_than_a_window():
    assert len(find_notes(np.full(300, 0.1), RATE)) <= 1


def test_posteriors_of_what_was_heard():
    mono = to_mono(played(SCALE), RATE)
    posteriors = note_posteriors(mono)
    count = len(mono) // 512 + 1
    assert posteriors.times_seconds.shape == (count,)
    assert posteriors.onset.shape == posteriors.frame.shape == (count, 88)
    at = np.searchsorted(posteriors.times_seconds, 0.55)
    assert posteriors.pitches[posteriors.frame[at].argmax()] == 60
    np.testing.assert_allclose(
        notes_from(posteriors).onset_seconds, find_notes(mono, RATE).onset_seconds
    )


def test_a_long_recording_is_heard_as_its_parts_are():
    """Parts are heard one by one; at their seams nothing may change."""
    clip = np.concatenate([played(CHORDS), np.zeros(300 * 512 - 4 * RATE)])
    heard = find_notes(np.tile(clip, 3), RATE)
    whole = len(heard) // 3
    onsets = heard.onset_seconds.reshape(3, whole)
    assert (heard.pitch.reshape(3, whole) == heard.pitch[:whole]).all()
    assert np.diff(onsets, axis=0) == pytest.approx(len(clip) / RATE, abs=1e-3)


@pytest.mark.parametrize("size", [441, 1024, 100_000])
def test_listening_tells_the_same_as_the_whole(size):
    sound = played(CHORDS)
    heard = find_notes(sound, RATE)
    listener = NoteListener(RATE)
    events = []
    for start in range(0, len(sound), size):
        events += listener.push(sound[start : start + size])
    events += listener.finish()
    ended = sorted(
        (note.onset_seconds, note.pitch) for note in events if note.offset_seconds is not None
    )
    assert [pitch for _, pitch in ended] == list(heard.pitch)
    assert [onset for onset, _ in ended] == pytest.approx(list(heard.onset_seconds), abs=1e-3)


def test_listening_is_prompt():
    sound = played([(1.0, 1.8, 60)], rate=48_000)
    listener = NoteListener(48_000)
    assert listener.latency_seconds < 1.0
    told = {}
    for start in range(0, len(sound), 480):
        for note in listener.push(sound[start : start + 480]):
            told.setdefault((note.pitch, note.offset_seconds is None), (start + 480) / 48_000)
    assert 1.0 < told[60, True] < 1.05 + listener.latency_seconds
    assert 1.8 < told[60, False] < 1.9 + listener.latency_seconds


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="sample rate"):
        NoteListener(100)
    with pytest.raises(SegueError, match="mono"):
        NoteListener(RATE).push(np.zeros((10, 2)))
    with pytest.raises(SegueError, match="NaN"):
        NoteListener(RATE).push(np.full(10, np.nan))
    with pytest.raises(SegueError, match="finite"):
        find_notes(np.full(10, np.inf), RATE)
