from dataclasses import replace

import numpy as np
import pytest
import soundfile

from segue.analysis.notes.sung_notes import SungNote, find_notes
from segue.analysis.pitch.voice import hz_to_midi, track_pitch
from segue.analysis.sound.audio import find_clicks, measure_audio
from segue.music.cue_file import load_cue
from segue.music.errors import FileFormatError, RangeError, SegueError, UnknownNameError
from segue.music.events import MixSettings, Sidechain
from segue.server.harmonies.harmonize import HarmonizeSettings, harmonize
from segue.server.harmonies.harmonize_mix import loudness_lufs, peak_and_clicks
from segue.server.harmonies.harmonize_stems import band_engine, band_events, render_band, sing_parts
from segue.server.harmonies.harmony_plan import Course, Plan, choir_events, stretches
from segue.server.harmonies.voice_file import read_voice
from segue.server.performing.expression import Players
from segue.server.performing.realise import note_events
from segue.server.sounding.sound import SAMPLE_RATE

BPM = 96.0


def theme_midi(sample_rate=SAMPLE_RATE, bars=4, flat=0.15):
    """The theme of dungeon's first bars, sung an octave down with vibrato, a little flat."""
    cue = load_cue("dungeon")
    notes = cue.tracks["melody"]
    notes = notes[notes["onset_beats"] < 4 * bars]
    frames = round(4 * bars * 60 / BPM * sample_rate)
    midi = np.full(frames, np.nan)
    t = np.arange(frames) / sample_rate
    for note in notes:
        start = round(note["onset_beats"] * 60 / BPM * sample_rate)
        end = start + round((note["duration_beats"] * 60 / BPM - 0.06) * sample_rate)
        vibrato = 0.3 * np.sin(2 * np.pi * 5.5 * t[start:end])
        midi[start:end] = float(note["pitch"]) - 12 - flat + vibrato
    return midi


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("voices")


@pytest.fixture
def voice(sing, folder):
    path = folder / "voice.wav"
    if not path.exists():
        soundfile.write(path, sing(theme_midi(bars=3))[0], SAMPLE_RATE)
    return path


@pytest.mark.parametrize("sound", ["shifted", "choir", "both"])
def test_a_sung_theme_gets_parts_that_fit(voice, tmp_path, sound):
    told = []
    result = harmonize(
        voice,
        "dungeon",
        tmp_path / "out.wav",
        HarmonizeSettings(bpm=BPM, sound=sound, accompany=sound == "both", measure=True),
        progress=lambda share, what: told.append(share),
    )
    audio, rate = soundfile.read(tmp_path / "out.wav")
    assert rate == SAMPLE_RATE and audio.shape[1] == 2
    measured = measure_audio(audio, rate)
    assert measured.loudness_lufs == pytest.approx(-16.0, abs=1.0)
    assert measured.true_peak_db <= -1.0
    assert measured.clicks == ()
    assert result.loudness_lufs == pytest.approx(measured.loudness_lufs, abs=0.1)
    assert result.parts.scale_share == 1.0
    assert result.parts.strong_chord_share > 0.8
    assert result.parts.crossings == 0
    assert result.in_scale_share > 0.95 and result.advice() == ""
    assert result.best_transposition == 0
    assert result.tuning_cents == pytest.approx(-15.0, abs=5.0)
    assert (result.choir_notes > 0) == (sound != "shifted")
    assert len(result.shifts) == (0 if sound == "choir" else 2)
    for shift in result.shifts:
        assert shift.pitch_error_cents < 6.0
        assert shift.pitch_error_p95_cents < 20.0
        assert shift.envelope_difference_db < 4.0
    assert told == sorted(told) and told[-1] == 1.0
    numbers = result.results()
    assert numbers["parts_scale_share"] == 1.0 and all(np.isfinite(list(numbers.values())))


def test_each_part_is_on_its_tone(sing):
    """Heard again, a part stands on a tone of the scale, as much out of tune as the singer."""
    samples = sing(theme_midi())[0].astype(np.float32)
    track = track_pitch(samples, SAMPLE_RATE)
    course = Course(load_cue("dungeon"), 10.0, bpm=BPM)
    plan = Plan(stretches(find_notes(track), course, 0.0), "around", 2)
    for number, part in enumerate(sing_parts(samples, track, plan)):
        assert len(find_clicks(part, SAMPLE_RATE)) == 0
        heard = track_pitch(part, SAMPLE_RATE)
        for stretch, pitch in zip(plan.stretches, plan.pitches[:, number], strict=True):
            if stretch.end_seconds - stretch.start_seconds < 0.25:
                continue
            start, end = stretch.start_seconds + 0.08, stretch.end_seconds - 0.05
            inside = (heard.times_seconds > start) & (heard.times_seconds < end)
            midi = np.median(hz_to_midi(heard.hz[inside & heard.voiced]))
            assert midi == pytest.approx(pitch + stretch.moment.tuning, abs=0.25)


def test_chords_change_under_a_held_note():
    course = Course(load_cue("dungeon"), 20.0, section="calm", bpm=BPM)  # Dm | Bb | Gm | A ...
    bar = 4 * 60 / BPM
    found = stretches([SungNote(0.1, 3 * bar - 0.2, 62.0)], course, 0.0)
    assert [s.chord for s in found] == ["Dm", "Bb", "Gm"]
    assert found[1].start_seconds == pytest.approx(bar, abs=1e-6)
    late = stretches([SungNote(0.1, 0.5, 62.0)], course, bar)
    assert [s.chord for s in late] == ["Bb"]
    early = stretches([SungNote(bar - 0.05, 0.6, 62.0)], course, 0.0)
    assert [s.chord for s in early] == ["Bb"]  # begun a little before the bar


def test_a_course_begins_where_it_is_told():
    course = Course(load_cue("dungeon"), 30.0, section="fight", bpm=120.0)
    assert course.bars[0].section == "fight" and course.bars[0].bar_in_section == 0
    assert course.bpm == pytest.approx(120.0)
    assert course.seconds(course.spans[-1].start_beats + course.spans[-1].beats) >= 30.0
    assert course.is_strong(0.0, 0.4) and not course.is_strong(0.45, 0.7)


def test_the_band_is_played_by_the_players_of_a_session():
    course = Course(load_cue("dungeon"), 20.0, bpm=BPM)
    events = band_events(course, 0.0, SAMPLE_RATE)
    bar_frames = round(4 * 60 / BPM * SAMPLE_RATE)
    players, melody = Players(course.cue, SAMPLE_RATE), 0
    assert course.cue.layers[melody].role == "melody" and melody not in events["channel"]
    for number, bar in enumerate(course.bars):
        start, end = number * bar_frames, (number + 1) * bar_frames
        heard = events[(events["at_frame"] >= start) & (events["at_frame"] < end)]
        played = players.play(bar, start, end)
        np.testing.assert_array_equal(heard, played[played["channel"] != melody])
        plain = note_events(
            bar.notes, bar.notes["layer"], (bar.start_beats, start), BPM, SAMPLE_RATE
        )
        assert not np.array_equal(heard["velocity"], plain[plain["channel"] != melody]["velocity"])
    shifted = band_events(course, 3.0, SAMPLE_RATE)
    later = events[events["at_frame"] >= 3 * SAMPLE_RATE].copy()
    later["at_frame"] -= 3 * SAMPLE_RATE
    np.testing.assert_array_equal(shifted, later)


def test_the_band_sounds_in_the_room_of_its_cue():
    """Reverb, echo in tempo and side chains are the cue's; its loudness is not."""
    cue = load_cue("dungeon")
    rooms = {
        "dry": MixSettings(reverb_seconds=0.2, echo_feedback=0.0),
        "wet": MixSettings(reverb_seconds=8.0, echo_feedback=0.0),
        "ducked": MixSettings(
            reverb_seconds=0.2,
            echo_feedback=0.0,
            sidechains=(Sidechain("bass", cue.layers[1].name, 24.0, 1.0),),
        ),
        "loud": MixSettings(reverb_seconds=0.2, echo_feedback=0.0, loudness_lufs=-6.0),
    }
    frames = 3 * SAMPLE_RATE
    heard = {}
    for name, mix in rooms.items():
        course = Course(replace(cue, mix=mix), 6.0, bpm=BPM)
        heard[name] = render_band(course, 0.0, frames)
    assert len(heard["wet"]) > len(heard["dry"]) + 2 * SAMPLE_RATE
    level = {name: np.std(sound[:frames]) for name, sound in heard.items()}
    assert level["ducked"] < 0.99 * level["dry"]
    np.testing.assert_array_equal(heard["loud"], heard["dry"])
    with band_engine(course, block_frames=256) as engine:
        assert engine.controls()["master.tempo"] == pytest.approx(BPM)


def test_the_choir_sings_with_the_singer():
    course = Course(load_cue("dungeon"), 20.0, bpm=BPM)
    notes = [SungNote(0.0, 0.6, 61.8), SungNote(0.61, 0.5, 61.8), SungNote(1.5, 0.6, 64.9)]
    plan = Plan(stretches(notes, course, 0.0), "around", 2)
    events = choir_events(plan, np.array([0.5, 0.5, 0.8]), SAMPLE_RATE)
    assert len(events) == 4  # the first two notes are one to the choir, as their chord stays
    np.testing.assert_allclose(events["pitch"] % 1.0, [0.8, 0.8, 0.9, 0.9], atol=1e-4)
    assert events["duration_frames"][0] == round(1.11 * SAMPLE_RATE)
    assert events["velocity"][2] == pytest.approx(0.8)


def test_another_key_is_seen_and_mended(sing, tmp_path):
    path = tmp_path / "high.wav"
    soundfile.write(path, sing(theme_midi(bars=3) + 3)[0], SAMPLE_RATE)
    settings = HarmonizeSettings(bpm=BPM, accompany=False, sound="shifted")
    plain = harmonize(path, "dungeon", tmp_path / "a.wav", settings)
    assert plain.best_transposition == 3 and "--transpose 3" in plain.advice()
    assert plain.parts.scale_share == 1.0  # of the cue, whatever is sung
    auto = HarmonizeSettings(bpm=BPM, accompany=False, sound="shifted", transpose="auto")
    moved = harmonize(path, "dungeon", tmp_path / "b.wav", auto)
    assert moved.transposed == 3 and moved.key == "F aeolian"
    assert moved.in_scale_share > 0.95 and moved.advice() == ""


@pytest.mark.parametrize(
    ("rate", "channels", "format"), [(8_000, 1, "WAV"), (44_100, 2, "FLAC"), (22_050, 2, "OGG")]
)
def test_any_sound_file(sing, tmp_path, rate, channels, format):
    path = tmp_path / f"voice.{format.lower()}"
    mono = sing(theme_midi(rate, bars=2), rate)[0]
    soundfile.write(path, np.repeat(mono[:, None], channels, axis=1), rate, format=format)
    settings = HarmonizeSettings(bpm=BPM, accompany=False, sound="shifted")
    result = harmonize(path, "dungeon", tmp_path / "out.flac", settings)
    assert result.in_scale_share > 0.9
    assert soundfile.info(tmp_path / "out.flac").samplerate == SAMPLE_RATE


def test_channels_that_cancel_are_not_lost(sing, tmp_path):
    mono = sing(theme_midi(bars=1))[0]
    path = tmp_path / "odd.wav"
    soundfile.write(path, np.stack([mono, -mono], axis=1), SAMPLE_RATE)
    assert np.std(read_voice(path).samples) == pytest.approx(np.std(mono), rel=0.01)


def test_measures_by_pieces_are_those_of_the_whole(sing):
    """Two minutes and a bit, with clicks, one of them where the pieces meet."""
    voice = sing(np.full(4 * SAMPLE_RATE, 57.0))[0] * 0.3
    sound = np.tile(voice, 32)[: 125 * SAMPLE_RATE]
    sound[::] *= np.repeat([1.0, 0.2, 0.001, 0.5, 1.0], 25 * SAMPLE_RATE)
    for frame in (31 * SAMPLE_RATE, 60 * SAMPLE_RATE + 100, 120 * SAMPLE_RATE):
        sound[frame] += 0.5
    stereo = np.stack([sound, 0.7 * sound], axis=1).astype(np.float32)
    whole = measure_audio(stereo, SAMPLE_RATE)
    peak, clicks = peak_and_clicks(stereo)
    assert loudness_lufs(stereo) == pytest.approx(whole.loudness_lufs, abs=0.05)
    assert peak == pytest.approx(whole.true_peak_db, abs=0.01)
    assert clicks == len(whole.clicks) >= 3
    assert loudness_lufs(np.zeros((SAMPLE_RATE, 2), np.float32)) == -np.inf


def test_bad_voices_are_told(tmp_path):
    out = tmp_path / "out.wav"

    def file(name, samples, rate=SAMPLE_RATE, subtype="FLOAT"):
        soundfile.write(tmp_path / name, samples, rate, subtype=subtype)
        return tmp_path / name

    second = np.zeros(SAMPLE_RATE)
    with pytest.raises(SegueError, match="no such file"):
        harmonize(tmp_path / "none.wav", "dungeon", out)
    with pytest.raises(SegueError, match="silent"):
        harmonize(file("silent.wav", second), "dungeon", out)
    with pytest.raises(SegueError, match=r"lasts 0\.1"):
        harmonize(file("short.wav", second[:4800]), "dungeon", out)
    with pytest.raises(SegueError, match=r"lasts 1\.25e"):
        harmonize(file("long.wav", np.zeros(8000 * 1250), 8000, "PCM_U8"), "dungeon", out)
    broken = second.copy()
    broken[24_000] = np.nan
    with pytest.raises(SegueError, match=r"not finite.* 0\.50 seconds"):
        harmonize(file("nan.wav", broken), "dungeon", out)
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE)
    with pytest.raises(SegueError, match="no singing"):
        harmonize(file("noise.wav", noise), "dungeon", out)
    with pytest.raises(FileFormatError, match="8000"):
        harmonize(file("slow.wav", second, 4000), "dungeon", out)
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(FileFormatError, match="no sound that can be read"):
        harmonize(tmp_path / "text.wav", "dungeon", out)
    assert not out.exists()


def test_bad_settings_are_told(voice, tmp_path):
    out = tmp_path / "out.wav"

    def run(cue="dungeon", target=out, **settings):
        harmonize(voice, cue, target, HarmonizeSettings(**settings))

    with pytest.raises(UnknownNameError, match="dungeon"):
        run("dungon")
    with pytest.raises(UnknownNameError, match="calm"):
        run(section="clam")
    with pytest.raises(RangeError, match="tempo"):
        run(bpm=400.0)
    with pytest.raises(RangeError, match="parts"):
        run(parts=5)
    with pytest.raises(UnknownNameError, match="around"):
        run(style="round")
    with pytest.raises(UnknownNameError, match="choir"):
        run(sound="quire")
    with pytest.raises(RangeError, match="parts_db"):
        run(parts_db=float("nan"))
    with pytest.raises(RangeError, match="transposition"):
        run(transpose="much")
    with pytest.raises(SegueError, match="cannot write"):
        run(target=tmp_path / "no" / "out.wav")
    with pytest.raises(UnknownNameError, match=r"\.wav"):
        run(target=tmp_path / "out.mp3", accompany=False, sound="shifted")
    assert list(tmp_path.iterdir()) == []
