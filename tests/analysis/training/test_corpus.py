import json
import random

import numpy as np
import pytest
import soundfile

from segue.analysis.pitch.voice import track_pitch
from segue.analysis.spectra import RATE
from segue.analysis.training import corpus, corpus_grooves, corpus_kit, corpus_scores
from segue.analysis.training.corpus_band import band
from segue.analysis.training.corpus_effects import process
from segue.analysis.training.corpus_harmony import POOLS, progression, read_roman, voicing
from segue.analysis.training.corpus_piano import play_piano, read_keys
from segue.analysis.training.corpus_piece import (
    QUALITIES,
    Piece,
    Voice,
    Warp,
    chord_name,
    cut,
    label,
    perform,
    pitch_curve,
    separated,
    slices,
    transposed_label,
)
from segue.analysis.training.corpus_programs import RANGES, into_range
from segue.analysis.training.corpus_render import FONTS, pick_font, render
from segue.analysis.training.corpus_sources import from_work, pop909_songs, sung
from segue.analysis.training.corpus_tones import play_tones

SONG = [band(random.Random(seed), None, "train", 30.0) for seed in range(12)]
INVENTED = next(font for font in FONTS if not font.path)


def test_chords_are_named_with_their_bass():
    assert chord_name([48, 64, 67]) == "C:maj"
    assert chord_name([52, 60, 67]) == "C:maj/3"
    assert chord_name([50, 53, 57, 60]) == "D:min7"
    assert chord_name([60, 61, 62]) == "X"
    assert label(7, "7", 11) == "G:7/3"


def test_slices_cover_the_music_without_gaps():
    notes = [(0.0, 2.0, 48), (0.0, 1.0, 64), (0.0, 2.0, 67), (1.0, 2.0, 63)]
    assert slices(notes) == [(0.0, 1.0, "C:maj"), (1.0, 2.0, "C:min")]


def test_labels_are_transposed():
    assert transposed_label("F#:min7/b3", 3) == "A:min7/b3"
    assert transposed_label("Bb major", 2) == "C major"
    assert transposed_label("N", 5) == "N"


def test_a_clip_is_cut_out_with_all_its_labels():
    piece = Piece(
        "x", "band", "band", 20.0, [Voice("comp", [(1.0, 3.0, 60, 80), (6.0, 9.0, 64, 80)])],
        drums=[(5.5, 36, 90), (2.0, 38, 90)], beats=[5.0, 6.0, 7.0], downbeats=[6.0],
        chords=[(0.0, 5.5, "C:maj"), (5.5, 20.0, "G:7")],
    )  # fmt: skip
    clip = cut(piece, 5.0, 3.0)
    assert clip.voices[0].notes == [(1.0, 3.0, 64, 80)]  # its end is that of the clip
    assert clip.drums == [(0.5, 36, 90)]
    assert clip.beats == [0.0, 1.0, 2.0] and clip.downbeats == [1.0]
    assert clip.chords == [(0.0, 0.5, "C:maj"), (0.5, 3.0, "G:7")]


def test_a_pitch_ends_before_it_is_struck_again():
    notes = separated([(0.0, 2.0, 60, 80), (1.0, 2.0, 60, 80), (1.01, 1.02, 62, 80)])
    assert [note[:3] for note in notes] == [(0.0, pytest.approx(0.994), 60), (1.0, 2.0, 60)]


def test_time_is_warped_forwards_only_about_its_tempo():
    warp = Warp(random.Random(1), 120.0, 0.05, 200.0, drift=0.2)
    seconds = np.array([warp(beat) for beat in np.arange(0, 200, 0.5)])
    assert (np.diff(seconds) > 0).all()
    assert seconds[-1] == pytest.approx(100.0, rel=0.15)
    assert warp.beat_at(warp(17.3)) == pytest.approx(17.3, abs=1e-6)


def test_a_player_stays_near_the_score():
    warp = Warp(random.Random(1), 60.0, 0.0, 40.0)
    written = [(float(i), i + 1.0, 60 + i % 12) for i in range(40)]
    played = perform(random.Random(2), written, warp, jitter_seconds=0.01, legato=0.8)
    late = np.array([note[0] for note in played]) - np.arange(40)
    assert 0.002 < late.std() < 0.03 and np.abs(late).max() < 0.06
    lengths = np.array([note[1] - note[0] for note in played])
    assert np.median(lengths) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("pool", POOLS)
def test_every_progression_can_be_read(pool):
    for line in POOLS[pool]:
        for numeral in line.split():
            chord = read_roman(numeral, 0)
            assert chord.bass in chord.classes, numeral
    for seed in range(30):
        for chord in progression(random.Random(seed), pool, seed % 12, 0.8):
            assert chord.bass in chord.classes


def test_numerals_mean_what_they_say():
    assert read_roman("bVII", 0).label == "Bb:maj"
    assert read_roman("ii7", 2).label == "E:min7"
    assert read_roman("V/3", 0).label == "G:maj/3"
    assert read_roman("vii0", 0).label == "B:hdim7"


def test_a_voicing_holds_the_chord_and_moves_little():
    rng = random.Random(3)
    first, second = read_roman("IM7", 0), read_roman("vi7", 0)
    before = voicing(rng, first, 60.0, [], 4)
    after = voicing(rng, second, 60.0, before, 4)
    assert {pitch % 12 for pitch in before} == set(first.classes)
    assert {pitch % 12 for pitch in after} == set(second.classes)
    assert sum(min(abs(p - q) for q in before) for p in after) <= 4


@pytest.mark.parametrize("song", SONG, ids=lambda song: song.ident)
def test_a_band_plays_the_chords_that_are_labelled(song):
    assert song.chords[0][0] == 0.0
    for (_, end, _), (start, _, _) in zip(song.chords, song.chords[1:], strict=False):
        assert start == pytest.approx(end)
    inside = total = 0
    for voice in song.voices:
        if voice.role in ("melody", "bass", "power"):
            continue
        for onset, _, pitch, _ in voice.notes:
            name = next((n for a, b, n in song.chords if a <= onset + 0.06 < b), song.chords[-1][2])
            root, _, rest = name.partition(":")
            steps = QUALITIES[rest.partition("/")[0]]
            pitches = {(transposed_pitch(root) + step) % 12 for step in steps}
            total += 1
            inside += pitch % 12 in pitches
    assert inside >= 0.98 * total  # a late player may be caught in the next chord


def transposed_pitch(root):
    return {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[root[0]] - root.count("b")


@pytest.mark.parametrize("song", SONG, ids=lambda song: song.ident)
def test_bars_are_beats_and_drums_fall_on_the_grid(song):
    assert song.beats[:: song.meter] == song.downbeats
    assert song.seconds >= 30.0
    grid = np.array(song.beats)
    for at, drum, velocity in song.drums:
        assert 0 < velocity < 128 and 35 <= drum <= 81
        assert at <= grid[-1] + 4.0


def test_bands_differ():
    assert len({song.meter for song in SONG}) > 1
    tempi = [song.tempo for song in SONG]
    assert max(tempi) > 1.5 * min(tempi)
    assert {bool(song.drums) for song in SONG} == {True, False}


def test_the_same_seed_gives_the_same_song():
    again = band(random.Random(3), None, "train", 30.0)
    assert again == SONG[3]


def test_grooves_stay_in_their_bar():
    for seed in range(60):
        rng = random.Random(seed)
        beats, thirds = rng.choice((2, 3, 4, 5)), rng.random() < 0.3
        groove = corpus_grooves.invent(rng, beats, thirds)
        hits = corpus_grooves.play_bar(rng, groove, 8.0, 0.0)
        hits += corpus_grooves.fill(rng, beats, 1.0, 8.0, thirds)
        assert all(8.0 <= at < 8.0 + beats for at, _, _ in hits), groove.kind


def test_effects_do_not_move_an_onset():
    click = np.zeros(RATE * 2, np.float32)
    click[RATE : RATE + 400] = np.hanning(400) * np.sin(np.arange(400) * 0.4)
    names = set()
    for seed in range(40):
        sound, done = process(random.Random(seed), click)
        names |= set(done)
        assert len(sound) == len(click) and np.isfinite(sound).all()
        assert np.abs(sound).max() <= 1.0
        if "noise" not in done:
            loudest = np.abs(sound).argmax()
            assert abs(int(loudest) - RATE - 200) < 0.012 * RATE, done
    assert len(names) == 9


def test_a_third_of_the_clips_stay_clean():
    quiet = np.sin(np.arange(RATE // 4) * 0.1).astype(np.float32)
    clean = sum(not process(random.Random(seed), quiet)[1] for seed in range(300))
    assert 70 < clean < 135


def test_invented_instruments_play_in_tune():
    for seed in range(8):
        rng = random.Random(seed)
        voice = Voice("tune", [(0.1, 1.4, 57 + seed, 90)])
        sound = play_tones(rng, [voice], RATE * 3 // 2, 30.0)
        track = track_pitch(sound.astype(np.float64), RATE)
        steady = track.voiced & (track.times_seconds > 0.3) & (track.times_seconds < 1.0)
        midi = 69 + 12 * np.log2(np.median(track.hz[steady]) / 440.0)
        assert midi == pytest.approx(57.3 + seed, abs=0.15)
        loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
        assert loud[0] / RATE == pytest.approx(0.1, abs=0.02)


def test_a_sung_line_has_its_pitch_written_down():
    voice = Voice("tune", [(0.0, 1.2, 69, 90), (1.0, 2.0, 71, 90)])
    line = next(found for seed in range(20) if (found := sung(random.Random(seed), voice)).bends)
    assert line.notes[0][1] < line.notes[1][0]
    piece = Piece("x", "folk", "mono", 2.5, [line], sung=True)
    curve = pitch_curve(piece, 0.0)
    assert len(curve) == 250 and (curve[205:] == 0).all()
    assert np.median(curve[5:100]) == pytest.approx(440.0, rel=0.03)
    assert curve[30:90].std() > 0 or curve[:10].std() > 0


def test_instruments_play_where_they_can():
    low, high = RANGES[73]
    assert low <= 50 + into_range(73, [50]) <= high
    assert into_range(73, [72, 84]) == 0


def test_sound_fonts_of_the_splits_differ():
    rng = random.Random(0)
    drawn = {
        split: {pick_font(rng, split, drums=drums).name for _ in range(200) for drums in (0, 1)}
        for split in ("train", "valid")
    }
    assert not drawn["train"] & drawn["valid"]
    assert not any("FluidR3" in font.path for font in FONTS)


def test_the_development_set_is_left_out():
    songs = set(pop909_songs("train")) | set(pop909_songs("valid"))
    assert not songs & {13, 60, 107, 30, 180, 780}
    assert not set(pop909_songs("train")) & set(pop909_songs("valid"))
    reserved = corpus_scores.is_reserved
    assert reserved("bach/bwv7.7") and not reserved("bach/bwv7.71")
    assert reserved("essenFolksong/altdeu10") and reserved("Piano_Sonatas/Mozart/K545/1")
    assert not reserved("essenFolksong/altdeu20")


@pytest.fixture
def work():
    part = tuple((float(i), i + 1.0, 60 + i % 7) for i in range(40))
    beats = tuple((float(i), i % 4) for i in range(40))
    return corpus_scores.Work("a/b", "mono", "tune", (part,), beats, 4, "C major")


def test_works_are_kept(tmp_path, work):
    corpus_scores.save_work(tmp_path, work)
    assert corpus_scores.load_works(tmp_path) == [work]


def test_a_tune_is_played_again_until_it_is_long_enough(work):
    piece = from_work(random.Random(4), work)
    assert piece.sung and len(piece.voices) == 1
    assert len(piece.beats) == 80 and piece.beats[::4] == piece.downbeats
    assert piece.key.endswith("major")


@pytest.fixture
def kit(tmp_path):
    stroke = np.concatenate([np.zeros(500), np.exp(-np.arange(4000) / 600)]).astype(np.float32)
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "k.wav", stroke * np.sin(np.arange(4500) * 0.02), RATE)
    soundfile.write(tmp_path / "s.wav", stroke * rng.standard_normal(4500) * 0.3, RATE)
    (tmp_path / "drumkit.xml").write_text(
        "<drumkit_info xmlns='x'><instrumentList>"
        "<instrument><name>Kick</name><layer><filename>k.wav</filename></layer></instrument>"
        "<instrument><name>Snare 1</name><filename>s.wav</filename></instrument>"
        "<instrument><name>FX</name><layer><filename>k.wav</filename></layer></instrument>"
        "</instrumentList></drumkit_info>".replace(" xmlns='x'", ' xmlns="x"')
    )
    return str(tmp_path)


def test_a_kit_sounds_where_it_is_struck(kit):
    assert sorted(corpus_kit.read_kit(kit)) == [36, 38]
    hits = [(0.25, 36, 100), (0.6, 40, 100), (0.8, 42, 100)]
    assert corpus_kit.playable(kit, hits) == hits[:2]  # a snare for the other snare, no hat
    sound = corpus_kit.play_kit(random.Random(1), kit, hits, RATE)
    loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())
    assert loud[0] / RATE == pytest.approx(0.25, abs=0.004)
    assert np.abs(sound[: round(0.2 * RATE)]).max() == 0.0


def test_recorded_keys_are_played_in_tune_and_damped(tmp_path):
    at = np.arange(2 * RATE) / RATE
    for name, hz in (("A3", 220.0), ("D#4", 311.13)):
        key = np.sin(2 * np.pi * hz * at) * np.exp(-at / 1.5) * np.minimum(1.0, at / 0.002)
        quiet = np.zeros(700)  # before the stroke
        soundfile.write(tmp_path / f"{name}v10.flac", 0.5 * np.concatenate([quiet, key]), RATE)
    assert sorted(read_keys(str(tmp_path))) == [57, 63]
    voice = Voice("piano", [(0.2, 0.8, 58, 100)])
    sound = play_piano(random.Random(0), str(tmp_path), [voice], 2 * RATE, 0.0)
    loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())
    assert loud[0] / RATE == pytest.approx(0.2, abs=0.005)
    assert np.abs(sound[round(1.6 * RATE) :]).max() < 0.01 * np.abs(sound).max()
    track = track_pitch(sound.astype(np.float64), RATE)
    steady = track.voiced & (track.times_seconds > 0.3) & (track.times_seconds < 0.7)
    assert np.median(track.hz[steady]) == pytest.approx(233.1, rel=0.005)


def test_drum_names_are_understood():
    names = {"Hi-Hat Open": 46, "Closed HH": 42, "Hat Pedal": 44, "Floor Tom": 41, "Ride Bell": 53}
    names |= {"BassDrum": 36, "Snare Rimshot": 38, "Snare Roll": 0, "Crash Left": 49, "Whistle": 0}
    assert {name: corpus_kit.drum_of(name) for name in names} == names


def test_a_clip_is_rendered_and_described(tmp_path):
    clip = cut(SONG[0], 1.0, 8.0)
    rng = random.Random(0)
    sound = render(rng, clip.voices, [], 8.0, INVENTED, INVENTED, 20.0)
    assert sound.shape == (8 * RATE,) and np.abs(sound).max() > 0
    found = corpus.labels(clip, "train/00007", "invented", ["room"], 20.0)
    corpus.save_clip(tmp_path, 7, sound / np.abs(sound).max(), found)
    assert json.loads((tmp_path / "00007.json").read_text()) == found
    assert soundfile.info(tmp_path / "00007.flac").samplerate == RATE
    fields = "notes drums beats downbeats chords key meter tempo f0"
    assert set(fields.split()) - set(found) == {"f0"}
    assert all(len(note) == 5 and note[0] < note[1] <= 8.0 for note in found["notes"])


def test_splits_of_works_do_not_change_with_the_collection():
    names = [f"work {i}" for i in range(400)]
    share = [corpus.split_of(name) for name in names].count("valid") / 400
    assert 0.05 < share < 0.16
