from pathlib import Path

import pytest

from segue.music.cue import (
    ANY,
    Binding,
    Cue,
    CueMarker,
    Layer,
    Parameter,
    Section,
    Stinger,
    Transition,
)
from segue.music.cue_file import check_cue, load_cue, shipped_cues, write_cue
from segue.music.errors import CueError, SegueError, UnknownNameError
from segue.music.score import make_notes
from segue.music.tempo import Meter
from segue.music.theory import Chord, Key

GUIDE = Path(__file__).parents[2] / "docs" / "cues.md"


def small_cue(**changes):
    bars = tuple((Chord.parse(name),) for name in ("Dm", "Bb", "Gm", "A7"))
    values = {
        "name": "small",
        "title": 'A "small" cue\nwith ünicode',
        "key": Key.parse("D minor"),
        "meter": Meter(4, 4),
        "tempo_bpm": (66.5, 150.0),
        "modes": ("phrygian", "aeolian", "dorian"),
        "layers": (
            Layer("theme", "melody", "flute", track="melody", octave=-1, pan=0.25),
            Layer("bass", "bass", "bass", gain_db=-1.5, reverb=0.05),
            Layer("drums", "drums", "drums", from_level=0.2),
        ),
        "sections": (Section("calm", 4, 0, bars), Section("fight", 4, 4, bars, "march", 1)),
        "transitions": (Transition(ANY, "fight"), Transition("fight", ANY, "phrase", False, 0.5)),
        "stingers": (Stinger("win", (0, 4, 7), (0.5, 0.5, 2.0)),),
        "parameters": (Parameter("danger", 0.0, 10.0, 2.0),),
        "bindings": (
            Binding("danger", "mood.tension", ((0.0, -0.5), (10.0, 1.0))),
            Binding("danger", "level.bass", ((0.0, 0.0), (10.0, 1.0))),
        ),
        "markers": (CueMarker("drop", "fight", 2), CueMarker("rest", "calm")),
        "gain_db": -2.0,
        "origin": "own",
        "tracks": {"melody": make_notes([(beat, 1, 62 + beat % 5, 1.0) for beat in range(32)])},
    }
    return Cue(**(values | changes))


@pytest.fixture
def folder(tmp_path):
    write_cue(small_cue(), tmp_path / "small")
    return tmp_path / "small"


def edit(folder, old, new):
    """Change the first such text in cue.toml."""
    text = (folder / "cue.toml").read_text("utf-8")
    assert old in text
    (folder / "cue.toml").write_text(text.replace(old, new, 1), "utf-8")


def test_written_and_loaded_again(folder):
    cue, back = small_cue(), load_cue(folder)
    assert check_cue(folder) == []
    assert back.tracks["melody"].tolist() == cue.tracks["melody"].tolist()
    cue.tracks.clear()
    back.tracks.clear()
    assert back == cue


def test_defaults_of_the_file(tmp_path):
    (tmp_path / "cue.toml").write_text(
        '[cue]\ntitle = "t"\nkey = "C"\ntempo_bpm = [60, 90]\nmodes = ["ionian"]\norigin = "own"\n'
        '[[layers]]\nname = "b"\nrole = "bass"\ninstrument = "bass"\n'
        '[[sections]]\nname = "a"\nchords = "| C | F G |"\n'
        '[[sections]]\nname = "b"\nchords = "C"\n'
        '[[transitions]]\nfrom = "*"\nto = "*"\n'
    )
    cue = load_cue(tmp_path)
    assert [(s.name, s.start_bar, s.bars) for s in cue.sections] == [("a", 0, 2), ("b", 2, 1)]
    assert cue.sections[0].chords[1] == (Chord(5), Chord(7))
    assert cue.meter == Meter()
    assert cue.transition("a", "b") == Transition(ANY, ANY)


FAULTS = [  # text, its replacement, code, place, words of message or remedy
    ("bar = 2", "bar = 4", "out-of-range", "markers[0].bar", "from 0 to 3"),
    ('section = "fight"', 'section = "figth"', "unknown-section", "markers[0].section", "'fight'"),
    ('name = "rest"', 'name = "drop"', "duplicate-name", "markers[1].name", "'drop'"),
    ("flute", "flutte", "unknown-instrument", "layers[0].instrument", "'flute'"),
    ('role = "bass"', 'role = "base"', "unknown-role", "layers[1].role", "'bass'"),
    ('"march"', '"marsh"', "unknown-groove", "sections[1].groove", "'march'"),
    ('"phrase"', '"phrases"', "unknown-sync-point", "transitions[1].at", "'phrase'"),
    ("from_level = 0.2", 'knob = "drum"', "unknown-knob", "layers[2].knob", "'drums'"),
    ('"dorian"', '"dorain"', "unknown-mode", "cue.modes[2]", "'dorian'"),
    ('to = "fight"', 'to = "figth"', "unknown-section", "transitions[0].to", "'fight'"),
    ('r = "danger"', 'r = "dangr"', "unknown-parameter", "bindings[0].parameter", "'danger'"),
    ("level.bass", "level.base", "unknown-target", "bindings[1].to", "'level.bass'"),
    ('track = "melody"', 'track = "melod"', "unknown-track", "layers[0].track", "'melody'"),
    ("pan = 0.25", "pann = 0.25", "unknown-key", "layers[0].pann", "'pan'"),
    ("[[stingers", "[[stinger", "unknown-table", "stinger", "'stingers'"),
    ("pan = 0.25", "pan = nan", "out-of-range", "layers[0].pan", "nan"),
    ("pan = 0.25", "pan = -1.5", "out-of-range", "layers[0].pan", "from -1 to 1"),
    ("pan = 0.25", "pan = true", "wrong-type", "layers[0].pan", "number"),
    ("octave = -1", "octave = 0.5", "wrong-type", "layers[0].octave", "integer"),
    ('A7"', "A7", "toml-syntax", "", ""),
    ("fill = false", "fill = 1", "wrong-type", "transitions[1].fill", "true or false"),
    ("66.5, 150", "150, 66.5", "order", "cue.tempo_bpm", "slower"),
    ("66.5, 150", "66.5, inf", "out-of-range", "cue.tempo_bpm[1]", "inf"),
    ("66.5, 150", "66.5", "wrong-length", "cue.tempo_bpm", "2 numbers"),
    ("66.5, 150", "1, 600", "out-of-range", "cue.tempo_bpm[0]", "from 20 to 400"),
    ('"phrygian", "aeolian"', '"aeolian", "phrygian"', "order", "cue.modes", "phrygian, aeolian"),
    ('"phrygian", "aeolian", "d', '"phrygian", "d', "missing-mode", "cue.modes", "'aeolian'"),
    ('"D aeolian"', '"H"', "bad-key", "cue.key", "'H'"),
    ('"4/4"', '"4/5"', "bad-meter", "cue.meter", "5"),
    ('"4/4"', '"3/4"', "meter-mismatch", "cue.meter", "4/4"),
    ("Gm", "Gx", "bad-chord", "sections[0].chords", "'Gx'"),
    ("| Gm", "| ", "bad-chord", "sections[0].chords", "bar 2 holds no chord"),
    ("bars = 4", "bars = 3", "chord-bars", "sections[0].chords", "4 bars, but 3"),
    ("start_bar = 4", "start_bar = 9", "outside-theme", "sections[1].start_bar", "9..12"),
    ('name = "fight"', 'name = "calm"', "duplicate-name", "sections[1].name", "'calm'"),
    ('name = "bass"', 'name = "theme"', "duplicate-name", "layers[1].name", "'theme'"),
    ('name = "fight"', 'name = "*"', "reserved-name", "sections[1].name", "'*'"),
    ('origin = "own"', 'origin = " "', "empty-text", "cue.origin", "empty"),
    ("octave = -1", "octave = -2", "", "", ""),
    ("5, 2]", "5]", "wrong-length", "stingers[0].durations_beats", "3 degrees and 2"),
    ("default = 2", "default = 11", "out-of-range", "parameters[0].default", "11"),
    ("maximum = 10", "maximum = 0", "order", "parameters[0].minimum", "below"),
    ("[0, -0.5]", "[10, -0.5]", "order", "bindings[0].points", "increase"),
    ("[0, -0.5]", "[-1, -0.5]", "out-of-range", "bindings[0].points", "0..10"),
    ("[0, -0.5]", "[0, -2]", "out-of-range", "bindings[0].points", "-2"),
    ("[0, -0.5]", "[0]", "wrong-type", "bindings[0].points", "points"),
    ('track = "melody"\n', "", "missing-key", "layers[0]", "track"),
    ('role = "melody"', 'role = "pad"', "unknown-role", "layers[0].role", ""),
    ('role = "melody"', 'role = "harmony"', "unused-track", "layers[0].track", "arranged"),
    ('t = "drums"', 't = "bells"', "unfit-instrument", "layers[2].instrument", "drums"),
    ('t = "bass"', 't = "drums"', "unfit-instrument", "layers[1].instrument", "drums"),
    ('from = "*"', 'from = "fight"', "unreachable-section", "sections[1]", "'fight'"),
    ('origin = "own"\n', "", "missing-key", "cue", "origin"),
    ("theme.mid", "theme2.mid", "missing-file", "cue.theme", "theme2.mid"),
    ("theme.mid", "../../x.mid", "missing-file", "cue.theme", "no file of the cue's folder"),
]


@pytest.mark.parametrize(("old", "new", "code", "place", "words"), FAULTS)
def test_each_fault_is_found_and_placed(folder, old, new, code, place, words):
    edit(folder, old, new)
    faults = check_cue(folder)
    if not code:
        assert faults == []
        return
    found = [fault for fault in faults if fault.code == code and fault.place.startswith(place)]
    assert found, faults
    assert words in f"{found[0].message} {found[0].remedy}"
    assert found[0].remedy
    assert all("\n" not in str(fault) for fault in faults)


def test_every_fault_at_once(folder):
    for old, new in [("flute", "flutte"), ("Gm", "Gx"), ("pan", "pann"), ("66.5", "1")]:
        edit(folder, old, new)
    codes = {fault.code for fault in check_cue(folder)}
    assert codes == {"unknown-instrument", "bad-chord", "unknown-key", "out-of-range"}


def test_syntax_fault_names_the_line(folder):
    edit(folder, 'name = "bass"', 'name = "bass')
    (fault,) = check_cue(folder)
    lines = (folder / "cue.toml").read_text("utf-8").split("\n")
    number = lines.index('name = "bass') + 1
    assert fault.code == "toml-syntax"
    assert fault.place == f"cue.toml:{number}"


def test_pitches_that_leave_the_range(tmp_path):
    high = make_notes([(0, 32, 110, 0.5)])
    layers = (Layer("theme", "melody", "flute", track="melody", octave=1),)
    write_cue(small_cue(layers=layers, tracks={"melody": high}, bindings=()), tmp_path / "high")
    (fault,) = check_cue(tmp_path / "high")
    assert (fault.code, fault.place) == ("pitch-range", "layers[0].octave")

    stingers = (Stinger("low", (-21,), (1.0,), octave=0),)
    write_cue(small_cue(stingers=stingers), tmp_path / "low")
    (fault,) = check_cue(tmp_path / "low")
    assert (fault.code, fault.place) == ("pitch-range", "stingers[0].octave")


def test_broken_midi(folder):
    (folder / "theme.mid").write_bytes(b"MThd nonsense")
    faults = check_cue(folder)
    assert [(fault.code, fault.place) for fault in faults] == [("bad-midi", "cue.theme")]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"cue = 3\nlayers = 1\nsections = [1]\n"])
def test_hopeless_files(tmp_path, content):
    (tmp_path / "cue.toml").write_bytes(content)
    assert check_cue(tmp_path)
    with pytest.raises(CueError, match="segue cue check"):
        load_cue(tmp_path)


def test_no_cue_there(tmp_path):
    (fault,) = check_cue(tmp_path)
    assert fault.code == "missing-file"


def test_load_error_states_the_first_fault_and_the_rest(folder):
    edit(folder, "flute", "flutte")
    edit(folder, "pan", "pann")
    first = check_cue(folder)[0]
    with pytest.raises(CueError) as caught:
        load_cue(str(folder))
    assert str(first) in str(caught.value)
    assert "(and 1 more)" in str(caught.value)
    assert f"`segue cue check {folder}`" in str(caught.value)


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="'dungeon'"):
        load_cue("dungeom")


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SegueError, match="cannot make the folder"):
        write_cue(small_cue(), tmp_path / "file" / "cue")


def test_at_least_four_cues_ship():
    assert {"dungeon", "meadow", "neon", "voyage"} <= set(shipped_cues())


@pytest.mark.parametrize("name", shipped_cues())
def test_shipped_cues_are_whole(name):
    assert check_cue(name) == []
    cue = load_cue(name)
    assert cue.name == name
    assert cue.origin
    assert 5 <= len(cue.layers) <= 7
    assert 3 <= len(cue.sections) <= 5
    assert all(section.bars == 8 for section in cue.sections)
    assert len(cue.stingers) >= 3
    assert {"danger", "health", "action"} < {parameter.name for parameter in cue.parameters}
    for parameter in ("danger", "health", "action"):
        assert (cue.parameter(parameter).minimum, cue.parameter(parameter).maximum) == (0, 1)
    assert {binding.parameter for binding in cue.bindings} == {p.name for p in cue.parameters}
    assert any(ANY in (way.source, way.target) for way in cue.transitions)
    assert cue.tempo_bpm[1] / cue.tempo_bpm[0] > 1.7


@pytest.mark.parametrize("name", shipped_cues())
def test_shipped_melodies_fit_their_chords(name):
    cue = load_cue(name)
    melody = cue.tracks[next(layer.track for layer in cue.layers if layer.role == "melody")]
    assert melody["pitch"].max() <= 79  # so that the register knob can lift all of it
    for section in cue.sections:
        clashes = 0
        start = section.start_bar * cue.meter.bar_beats
        for number, bar in enumerate(section.chords):
            first = start + number * cue.meter.bar_beats
            at = melody["onset_beats"] - first
            for note in melody[(at >= 0) & (at < cue.meter.bar_beats)]:
                beat = float(note["onset_beats"]) - first
                chord = bar[int(beat * len(bar) / cue.meter.bar_beats)]
                grates = any((int(note["pitch"]) - pc) % 12 == 1 for pc in chord.pitch_classes)
                inside = int(note["pitch"]) % 12 in chord.pitch_classes
                clashes += grates and not inside and note["duration_beats"] > 0.5
        assert clashes == 0


def test_every_code_is_in_the_guide():
    guide = GUIDE.read_text("utf-8")
    codes = {code for _, _, code, _, _ in FAULTS if code}
    codes |= {"pitch-range", "bad-midi", "missing-table", "unreadable-file"}
    assert all(f"`{code}`" in guide for code in codes), codes
