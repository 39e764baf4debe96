"""Cues are written with their samples, wherever these lie, whole or not at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.music.cue import Cue, Layer
from segue.music.cue_file import check_cue, load_cue, write_cue
from segue.music.errors import SegueError
from segue.synth.sampler import load_samples

RATE = 8_000

SFZ = """<control> default_path=../Wave Files\\
#include "more/keys.sfzh"
<region> sample=a.WAV hikey=59
<region> sample=b.wav lokey=60 trigger=release
<region> sample=*silence
"""


def wave(path: Path, hz: float = 400.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hz * np.arange(RATE // 2) / RATE), RATE)


def instrument(folder: Path) -> None:
    """`programs/x.sfz` with a file that it includes, and recordings in a folder beside."""
    (folder / "programs" / "more").mkdir(parents=True)
    (folder / "programs" / "x.sfz").write_text(SFZ)
    (folder / "programs" / "more" / "keys.sfzh").write_text("<region> sample=c.wav key=60\n")
    for name in "abc":
        wave(folder / "wave files" / f"{name}.wav")


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def cue_of(folder: Path, *instruments: str) -> Cue:
    """The dungeon's music on these instruments, with its samples in a folder."""
    layers = tuple(
        Layer(f"layer {number}", "harmony", name) for number, name in enumerate(instruments)
    )
    cue = load_cue("dungeon")
    mix = replace(cue.mix, sidechains=())
    return replace(cue, layers=layers, mix=mix, bindings=(), folder=str(folder), tracks={})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with an SFZ file, a folder of recordings and what is none."""
    home = tmp_path / "home"
    instrument(home)
    for name in ("A4_rr1.wav", "A4_rr2.wav", "C5.flac"):
        wave(home / "cello" / name)
    (home / "cello" / "notes.txt").write_text("not a sound")
    return home


def written(cue: Cue, target: Path, gone: Path) -> Cue:
    """The cue as it is loaded where it was written, once all it came from is gone."""
    write_cue(cue, target)
    gone.rename(gone.with_name("gone"))
    assert check_cue(target) == []
    back = load_cue(target)
    for layer in back.layers:
        assert load_samples(back.instrument(layer.instrument), RATE).regions
    return back


def test_samples_of_the_cue_keep_their_names(home: Path, tmp_path: Path) -> None:
    names = ("programs/x.sfz", "cello/", "./cello")
    before = content(home)
    back = written(cue_of(home, *names), tmp_path / "deep" / "copy", home)
    assert [layer.instrument for layer in back.layers] == list(names)
    made = content(tmp_path / "deep" / "copy")
    del made["cue.toml"], before["cello/notes.txt"]
    assert made == before


def test_samples_from_elsewhere_come_along(home: Path, tmp_path: Path) -> None:
    """A shared SFZ file, another of its name, a folder in the way of one, one twice, a stem."""
    instrument(tmp_path / "all" / "shared")
    instrument(tmp_path / "all" / "other")
    wave(tmp_path / "all" / "cello" / "D4.wav", 300)
    wave(home / "samples" / "cello" / "E4.wav", 330)
    wave(tmp_path / "all" / "loop.wav")
    home = home.rename(tmp_path / "all" / "home")
    cue = cue_of(
        home,
        "../shared/programs/x.sfz",
        str(tmp_path / "all" / "other" / "programs" / "x.sfz"),
        "../cello",
        "samples/cello",
        "..\\cello/",
        str(home / "cello"),
    )
    stem = Layer("loop", "stem", file="../loop.wav", bpm=120, beats=1)
    cue = replace(cue, layers=(*cue.layers, stem))
    write_cue(cue, tmp_path / "copy")
    (tmp_path / "all").rename(tmp_path / "gone")
    assert check_cue(tmp_path / "copy") == []
    back = load_cue(tmp_path / "copy")
    assert [layer.instrument for layer in back.layers] == [
        "samples/x/programs/x.sfz",
        "samples/x2/programs/x.sfz",
        "samples/cello2",
        "samples/cello",
        "samples/cello2",
        "cello/",
        "",
    ]
    assert back.layers[6].file == "stems/loop/loop.wav"
    roots = []
    for layer in back.layers[:6]:
        samples = load_samples(back.instrument(layer.instrument), RATE)
        roots.append({region.zone.root_pitch for region in samples.regions})
    assert roots == [{60}, {60}, {62}, {64}, {62}, {69, 72}]


def test_a_cue_is_written_in_its_own_place(home: Path) -> None:
    cue = cue_of(home, "programs/x.sfz", "cello/")
    before = content(home)
    write_cue(cue, home)
    assert before.items() <= content(home).items()
    assert check_cue(home) == []
    write_cue(replace(load_cue(home), gain_db=-3.0), home)
    assert load_cue(home).gain_db == -3.0 and before.items() <= content(home).items()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a.WAV", "gone.wav", r"x.sfz line 3: there is no sample .*gone.wav"),
        ("more/", "none/", r"x.sfz line 2: there is no file 'none/keys.sfzh' to include"),
        ("../Wave Files\\", "/wave/", r"keys.sfzh line 1: /wave/c.wav is an absolute path"),
        ("<region>", "\0", "is not text"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_a_set_that_cannot_be_copied_leaves_nothing(
    home: Path, tmp_path: Path, old: str, new: str, words: str, there: bool
) -> None:
    cue = cue_of(home, "cello/", "programs/x.sfz")
    if there:
        write_cue(cue, tmp_path / "copy")
        (home / "cello" / "B4.wav").write_bytes(b"new")
    (home / "programs" / "x.sfz").write_text(SFZ.replace(old, new))
    before = content(tmp_path)
    with pytest.raises(SegueError, match=words):
        write_cue(replace(cue, gain_db=-5.0), tmp_path / "copy")
    assert content(tmp_path) == before
    assert (tmp_path / "copy").exists() == there


def test_other_sets_that_cannot_be_copied(home: Path, tmp_path: Path) -> None:
    (home / "empty").mkdir()
    for name, words in [("empty/", "has no sound file"), ("none/", "there are no samples")]:
        with pytest.raises(SegueError, match=words):
            write_cue(cue_of(home, "cello/", name), tmp_path / "copy")
    (home / "cello" / "A5.wav").mkdir()
    with pytest.raises(SegueError, match=r"cannot copy .*A5\.wav"):
        write_cue(cue_of(home, "cello/"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
