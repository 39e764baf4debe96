"""A recording becomes a cue that can be played: sections, stems, ways; a bad one does not."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.analysis.form import song as song_module
from segue.analysis.form.song import MOST_SECTIONS, Song, study_song
from segue.analysis.form.song_cue import import_recording, section_rows
from segue.analysis.form.song_layers import split_strokes
from segue.analysis.form.song_picture import check_picture, draw_song
from segue.analysis.harmony.chords import Chords
from segue.analysis.harmony.key import KeyTrack
from segue.analysis.rhythm.beats import NO_BEATS, Beats
from segue.analysis.spectra import RATE
from segue.music.cue import Cue
from segue.music.cue_file import check_cue, load_cue
from segue.music.errors import FileFormatError, SegueError
from segue.music.stems import read_audio_info
from segue.music.theory import Chord, Key

BAR = 1.6
LATE = 0.8  # half a bar before the first downbeat


def steady_beats(bars: int, late: float = 0.0, share: float = 1.0) -> Beats:
    times = late + np.arange(4 * bars) * BAR / 4
    ones = np.ones(len(times))
    numbers = np.arange(len(times)) % 4 + 1
    return Beats(times, numbers, share * ones, 150 * ones, 4, 0.9, 150.0, 0.8, ())


def beat(roots: tuple[int, ...], overtones: int, rng: np.random.Generator) -> np.ndarray:
    """A quarter note of a chord, with a stroke."""
    times = np.arange(round(BAR / 4 * RATE)) / RATE
    sound = sum(
        np.sin(2 * np.pi * 440.0 * 2 ** ((root - 69) / 12) * k * times) / k
        for root in roots
        for k in range(1, overtones + 1)
    )
    held = (
        0.05 * np.asarray(sound) * np.minimum(times / 0.005, np.minimum((BAR / 4 - times) * 50, 1))
    )
    held[:700] += 0.25 * rng.standard_normal(700) * np.linspace(1, 0, 700)
    return held


def part(letter: str, bars: int, rng: np.random.Generator) -> np.ndarray:
    overtones = {"A": 2, "B": 8}[letter]
    chords = {"A": ((48, 52, 55), (53, 57, 60)), "B": ((45, 48, 52), (52, 55, 59))}[letter]
    beats = [beat(chords[bar % 2], overtones, rng) for bar in range(bars) for _ in range(4)]
    return np.concatenate(beats)


@pytest.fixture(scope="module")
def band() -> np.ndarray:
    rng = np.random.default_rng(7)
    parts = [part(letter, 8, rng) for letter in "AABA"]
    return np.concatenate([0.001 * rng.standard_normal(round(LATE * RATE)), *parts])


def hear_band(patch: pytest.MonkeyPatch) -> None:
    """What networks would hear of the band."""
    starts = np.arange(0, 33) * BAR
    chord = Chord(9, "m")
    chords = Chords(starts, starts + BAR, (None, *(chord,) * 32), np.ones(33))
    key = KeyTrack(Key(9, "aeolian"), 0.7, ((Key(9, "aeolian"), 0.7),), ())
    patch.setattr(song_module, "find_beats", lambda mono, rate: steady_beats(32, LATE))
    patch.setattr(song_module, "find_chords", lambda mono, rate: chords)
    patch.setattr(song_module, "find_key", lambda mono, rate: key)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    hear_band(monkeypatch)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, band: np.ndarray) -> tuple[Cue, Song, Path]:
    """The band as a cue, and the folder."""
    folder = tmp_path_factory.mktemp("song")
    soundfile.write(folder / "song.wav", np.stack([band, band], 1), RATE, subtype="FLOAT")
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        hear_band(patch)
        cue, song = import_recording(folder / "song.wav", folder / "cue", tell=told.append)
    assert told == ["reading", "listening", "cutting stems", "writing"]
    return cue, song, folder / "cue"


def test_a_band_becomes_a_cue(imported: tuple[Cue, Song, Path]) -> None:
    cue, song, folder = imported
    assert check_cue(folder) == []
    assert (cue.name, cue.title) == ("cue", "song")
    assert (cue.key, str(cue.meter), cue.modes) == (Key(9, "aeolian"), "4/4", ("aeolian",))
    assert cue.tempo_bpm == pytest.approx((138, 162), abs=0.3)
    assert [(section.name, section.bars) for section in cue.sections] == [("a", 8), ("b", 8)]
    assert [section.repeats for section in cue.sections] == [2, 1]
    assert cue.sections[1].chords == ((Chord(9, "m"),),) * 8
    assert {(way.source, way.target, way.at) for way in cue.transitions} == {
        ("a", "b", "section"),
        ("b", "a", "section"),
        ("*", "*", "bar"),
    }
    assert [layer.name for layer in cue.layers] == [
        "a_tones",
        "a_strokes",
        "b_tones",
        "b_strokes",
    ]
    assert {layer.role for layer in cue.layers} == {"stem"}
    assert cue.layers[2].sections == ("b",)
    assert cue.parameter("intensity").default >= 0.5
    bound = {binding.to for binding in cue.bindings if binding.parameter == "intensity"}
    assert bound == {"mood.arousal", "level.a_strokes", "level.b_strokes"}
    assert song.form.pattern == "AABA"
    assert song.order == (0, 0, 1, 0)
    assert load_cue(folder) == cue


def test_stems_are_whole_bars_cut_at_the_beat_and_add_up(
    imported: tuple[Cue, Song, Path], band: np.ndarray
) -> None:
    cue, song, _ = imported
    for layer, section in zip(cue.layers[::2], song.sections, strict=True):
        info = read_audio_info(cue.stem_path(layer))
        assert info.beats(layer.bpm) == pytest.approx(32.0, abs=0.1)  # a tail may follow
        assert info.channels == 2
        line = LATE + section.start_bar * BAR
        assert section.start_seconds == pytest.approx(line, abs=0.005)
        assert section.end_seconds - section.start_seconds == pytest.approx(8 * BAR, abs=0.004)
    held, struck = (soundfile.read(cue.stem_path(layer))[0][:, 0] for layer in cue.layers[2:])
    first = round(song.sections[1].start_seconds * RATE)
    inside = slice(100, 280_000)
    assert np.abs((held + struck)[inside] - band[first:][inside]).max() < 0.02
    attack = slice(100, 700)
    assert np.square(struck[attack]).sum() > np.square(held[attack]).sum()
    later = slice(4_000, 7_000)
    assert np.square(held[later]).sum() > 10 * np.square(struck[later]).sum()


def test_the_table_and_the_picture(imported: tuple[Cue, Song, Path], tmp_path: Path) -> None:
    song = imported[1]
    rows = section_rows(song)
    assert [row["section"] for row in rows] == ["a", "b"]
    assert rows[0]["times"] == 3
    assert rows[1]["bars"] == f"{song.sections[1].start_bar + 1}..{song.sections[1].start_bar + 8}"
    assert all(0.0 < float(row["confidence"]) <= 1.0 for row in rows)
    assert all(0.0 < float(row["intensity"]) < 1.0 for row in rows)
    draw_song(song, tmp_path / "song.png", "song")
    assert (tmp_path / "song.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(SegueError, match=r"a picture cannot be song\.txt"):
        check_picture("song.txt")


def test_sound_without_strokes_stays_whole(
    tmp_path: Path, heard: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(song_module, "find_beats", lambda mono, rate: steady_beats(8))
    times = np.arange(round(8 * BAR * RATE)) / RATE
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * times / 6.4)
    sound = swell * np.sum([np.sin(2 * np.pi * hz * times) for hz in (220, 330, 440)], axis=0)
    soundfile.write(tmp_path / "pad.wav", np.repeat(sound[:, None], 6, axis=1), RATE)
    cue, _ = import_recording(tmp_path / "pad.wav", tmp_path / "cue")
    assert check_cue(tmp_path / "cue") == []
    assert {layer.group for layer in cue.layers} == {"music"}
    assert all(read_audio_info(cue.stem_path(layer)).channels == 2 for layer in cue.layers)
    assert len(cue.sections) <= MOST_SECTIONS


@pytest.mark.parametrize(
    ("beats", "words"),
    [
        (NO_BEATS, "no steady beat \\(0 beats in 6.4 seconds\\)"),
        (steady_beats(4, share=0.05), "no steady beat .*confidence 0.05"),
        (steady_beats(2), "which is 3 bars"),
    ],
)
def test_what_has_no_beat_or_is_short_is_refused(
    beats: Beats, words: str, tmp_path: Path, heard: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 4 * BAR if len(beats) != 8 else 3 * BAR
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "x.wav", 0.1 * rng.standard_normal(round(seconds * RATE)), RATE)
    monkeypatch.setattr(song_module, "find_beats", lambda mono, rate: beats)
    with pytest.raises(SegueError, match=words):
        import_recording(tmp_path / "x.wav", tmp_path / "cue")
    assert not (tmp_path / "cue").exists()


def test_uneven_beats_are_no_pulse(heard: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.uniform(0.2, 1.2, 60))
    ones = np.ones(60)
    uneven = Beats(times, np.arange(60) % 4 + 1, ones, ones, 4, 1.0, 80.0, 1.0, ())
    monkeypatch.setattr(song_module, "find_beats", lambda mono, rate: uneven)
    with pytest.raises(SegueError, match="apart from their median"):
        study_song(rng.normal(0, 0.1, (40 * RATE, 1)).astype(np.float32), RATE)


def test_files_that_are_no_song_are_refused(tmp_path: Path, heard: None) -> None:
    (tmp_path / "junk.ogg").write_bytes(b"no sound at all")
    soundfile.write(tmp_path / "silent.wav", np.zeros(8 * RATE), RATE)
    with pytest.raises(FileFormatError, match=r"junk\.ogg"):
        import_recording(tmp_path / "junk.ogg", tmp_path / "cue")
    with pytest.raises(SegueError, match=r"silent\.wav is silent"):
        import_recording(tmp_path / "silent.wav", tmp_path / "cue")
    with pytest.raises(SegueError, match="no such file"):
        import_recording(tmp_path / "none.wav", tmp_path / "cue")
    with pytest.raises(SegueError, match="33 minutes; cut out"):
        study_song(np.zeros((2_000 * 1_000, 1), np.float32), 1_000)
    assert not (tmp_path / "cue").exists()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "cue.toml").write_text("")
    with pytest.raises(SegueError, match="already holds a cue"):
        import_recording(tmp_path / "silent.wav", tmp_path / "old")


def test_layers_need_channels() -> None:
    with pytest.raises(SegueError, match="frames, channels"):
        split_strokes(np.zeros(1000), RATE)
