"""Songs on a grid of eighth notes: from themes, and from files laid out as the data sets are."""

import zipfile
from io import BytesIO
from pathlib import Path

import mido
import numpy as np
import pytest

from segue.envs.accompany import corpus
from segue.envs.accompany.chords import NONE, TRIADS, chord_number
from segue.envs.accompany.clips import draw_clips, fixed_clips
from segue.envs.accompany.corpus import DATA_VARIABLE, load_songs, theme_song
from segue.envs.accompany.songs import CLIP_FRAMES, REST
from segue.music.errors import MissingPartError, UnknownNameError


def midi(tracks: list[tuple[str, list[tuple[int, int, tuple[int, ...]]]]], meter: tuple[int, int]):
    """The bytes of a MIDI file: tracks of (start, end [quarters / 4], pitches)."""
    file = mido.MidiFile(ticks_per_beat=480)
    for name, notes in tracks:
        track = mido.MidiTrack()
        track.append(mido.MetaMessage("track_name", name=name))
        track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
        events = [(start * 120, 1, pitch) for start, _, held in notes for pitch in held]
        events += [(end * 120, 0, pitch) for _, end, held in notes for pitch in held]
        now = 0
        for at, velocity, pitch in sorted(events):
            track.append(mido.Message("note_on", note=pitch, velocity=90 * velocity, time=at - now))
            now = at
        file.tracks.append(track)
    buffer = BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tune and a song, laid out as SEGUE_DATA is, and a cache of its own."""
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    corpus._whole.cache_clear()
    corpus._load.cache_clear()
    (tmp_path / "nottingham").mkdir()
    jig = midi(
        [
            ("tune", [(2 * at, 2 * at + 2, (60 + at % 12,)) for at in range(24)]),
            ("chords", [(0, 24, (43, 47, 50)), (24, 48, (45, 48, 52, 55))]),
        ],
        (6, 8),
    )
    with zipfile.ZipFile(tmp_path / "nottingham" / "nottingham_midi.zip", "w") as archive:
        archive.writestr("MIDI/jig.mid", jig)
        archive.writestr("MIDI/melody/jig.mid", jig)
    (tmp_path / "pop909").mkdir()
    song = midi([("", []), ("MELODY", [(4 * at, 4 * at + 2, (72,)) for at in range(80)])], (4, 4))
    with zipfile.ZipFile(tmp_path / "pop909" / "pop909_midi.zip", "w") as archive:
        archive.writestr("012/012.mid", song)
    beats = "".join(f"{at / 2} {float(at % 2 == 0)} {float(at % 4 == 2)}\n" for at in range(80))
    labels = "0.0\t1.0\tN\n1.0\t3.0\tF:maj/5\n3.0\t5.0\tBb:min7\n5.0\t90.0\tC:sus4(b7)\n"
    with zipfile.ZipFile(tmp_path / "pop909" / "pop909_annotations.zip", "w") as archive:
        archive.writestr("012/beat_midi.txt", beats)
        archive.writestr("012/chord_midi.txt", labels)
    return tmp_path


def only(name: str) -> corpus.Song:
    (song,) = (song for split in corpus.SPLITS for song in load_songs(name, split))
    return song


def test_a_theme_is_a_song_whose_notes_fit_its_chords() -> None:
    song = theme_song(7)
    sounds = song.melody != REST
    assert sounds.mean() > 0.8
    assert TRIADS[song.chords[sounds], song.melody[sounds] % 12].mean() > 0.6
    assert (song.place[song.place == 0].size) == len(song) // song.bar[0]
    assert not song.onset[~sounds].any()


def test_themes_of_splits_are_apart_and_need_no_data() -> None:
    names = [{song.name for song in load_songs("themes", split)} for split in corpus.SPLITS]
    assert not names[0] & names[1]
    assert not (names[0] | names[1]) & names[2]


def test_a_tune_of_nottingham_is_read_with_its_meter_and_chords(data: Path) -> None:
    song = only("nottingham")
    assert song.name == "jig"
    assert len(song) >= CLIP_FRAMES  # played again until it lasts a clip
    assert list(song.melody[:4]) == [60, 61, 62, 63]
    assert set(song.bar) == {6}
    assert list(song.place[:7]) == [0, 1, 2, 3, 4, 5, 0]
    assert set(song.chords[:12]) == {chord_number(7, "")}
    assert set(song.chords[12:24]) == {chord_number(9, "m7")}
    assert song.chords[24] == song.chords[0]


def test_a_song_of_pop909_begins_at_its_first_downbeat(data: Path) -> None:
    song = only("pop909")
    assert song.name == "012"
    assert list(song.place[:9]) == [0, 1, 2, 3, 4, 5, 6, 7, 0]
    assert list(song.chords[:9]) == [chord_number(5, "")] * 8 + [chord_number(10, "m7")]
    assert list(song.melody[:4]) == [72, 0, 72, 0]
    assert list(song.onset[:4]) == [True, False, True, False]


def test_what_was_read_once_comes_from_the_cache(data: Path) -> None:
    first = only("pop909")
    corpus._whole.cache_clear()
    corpus._load.cache_clear()
    (cached,) = (data / "cache" / "segue").glob("*.npz")
    assert "pop909" in cached.name
    again = only("pop909")
    assert again.name == first.name
    assert np.array_equal(again.chords, first.chords)


def test_a_corpus_that_is_not_there_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(MissingPartError, match=r"SEGUE_DATA.*POP909-Dataset.*themes"):
        load_songs("themes+pop909", "test")
    with pytest.raises(UnknownNameError, match="corpus 'pop'"):
        load_songs("pop", "train")
    with pytest.raises(UnknownNameError, match="split"):
        load_songs("themes", "dev")


def test_drawn_clips_begin_with_a_bar_and_come_in_many_keys() -> None:
    clips = draw_clips(load_songs("themes", "train"), 64, np.random.default_rng(0))
    assert (clips.place[:, 0] == 0).all()
    assert clips.melody.shape == (64, CLIP_FRAMES)
    assert len(set(clips.chords[:, 0] % 12)) > 8


def test_fixed_clips_are_as_written_and_begin_where_the_melody_does() -> None:
    songs = load_songs("themes", "test")
    clips = fixed_clips(songs)
    assert len(clips) == len(songs)
    assert np.array_equal(clips.melody[0], songs[0].melody[:CLIP_FRAMES])


def test_transposing_from_a_frame_on_moves_melody_and_chords_together() -> None:
    clips = fixed_clips(load_songs("themes", "test"))
    moved = clips.transposed(np.full(len(clips), 6), 64)
    assert np.array_equal(moved.melody[:, :64], clips.melody[:, :64])
    sounds = clips.melody[:, 64:] != REST
    assert (moved.melody[:, 64:][sounds] - clips.melody[:, 64:][sounds] == 6).all()
    assert (moved.melody[:, 64:][~sounds] == REST).all()
    some = clips.chords[:, 64:] != NONE
    assert ((moved.chords - clips.chords)[:, 64:][some] % 12 == 6).all()
