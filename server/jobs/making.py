"""Functions that make music: melodies, chords, timbres, harmonies, renderings of cues."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from ...music.errors import SegueError
from . import options as o
from .given import Answer, Given, Tell
from .scores import midi_bytes

MOST_SECONDS = 150.0
"""Of sound that is sent back."""


def compose(given: Given, options: o.Compose, tell: Tell) -> Answer:
    """Melodies, a MIDI file for each as a buffer, and their notes."""
    from dataclasses import replace

    from ...agents.melody.study import PLAYERS, SEEDS, make_player
    from ...envs.melody.core import MelodyCore
    from ...music.errors import UnknownNameError
    from ...music.tempo import TempoMap

    if options.player not in (*PLAYERS, *SEEDS):
        raise UnknownNameError("player", options.player, (*PLAYERS, *SEEDS))
    core = MelodyCore(options.pieces)
    core.reset(np.random.default_rng(options.seed))
    player = make_player(options.player, options.seed)
    for _ in range(core.steps):
        core.step(player.act(core))
    tempo = TempoMap(options.bpm)
    written = [replace(core.score(index), tempo=tempo) for index in range(options.pieces)]
    pieces = [
        [(float(n["onset_beats"]), float(n["duration_beats"]), int(n["pitch"])) for n in track]
        for track in (one.tracks[0].notes for one in written)
    ]
    value = {"columns": ["onset_beats", "duration_beats", "pitch"], "pieces": pieces}
    return Answer(value, tuple(midi_bytes(one, given.scratch) for one in written))


def accompany(given: Given, options: o.Accompany, tell: Tell) -> Answer:
    """The melody with its chords as a MIDI file, and the chords by name."""
    from ...agents.accompany.tune import accompany as play_along
    from ...envs.accompany.chords import chord_of
    from ...envs.accompany.songs import FRAMES_PER_BEAT

    score, chords = play_along(
        given.score(), track=options.track, temperature=options.temperature, seed=options.seed
    )
    changes = [0, *(at + 1 for at, (a, b) in enumerate(pairwise(chords.tolist())) if a != b)]
    told = [
        {
            "onset_beats": at / FRAMES_PER_BEAT,
            "chord": str(chord) if (chord := chord_of(int(chords[at]))) else None,
        }
        for at in changes
    ]
    return Answer({"chords": told}, (midi_bytes(score, given.scratch),))


def timbre(given: Given, options: o.Timbre, tell: Tell) -> Answer:
    """The synthesizer's sound, and where its knobs stood."""
    from ...agents.timbre.ensemble import Ensemble
    from ...agents.timbre.follower import SAMPLE_RATE, follow_sound
    from ...agents.timbre.table import rendered_table

    samples, rate = given.samples()
    _check_length(len(samples) / rate)
    found = follow_sound(
        Ensemble.load(),
        samples,
        rate,
        still=options.still,
        table=rendered_table(),
        progress=lambda share: tell(share, "following"),
    )
    return Answer(found.report(), (found.sound,), SAMPLE_RATE)


def harmonize(given: Given, options: o.Harmonize, tell: Tell) -> Answer:
    """The voice with its parts as sound, and what was sung when."""
    from ...analysis.sound.sound_file import read_sound
    from ..harmonies.harmonize import HarmonizeSettings
    from ..harmonies.harmonize import harmonize as run_harmonize

    samples, rate = given.samples()
    _check_length(len(samples) / rate)
    names = HarmonizeSettings.__dataclass_fields__
    fields = options.__struct_fields__
    given_settings = {name: getattr(options, name) for name in names if name in fields}
    settings = HarmonizeSettings(sound=options.voices, **given_settings)
    target = given.scratch / "harmony.wav"
    cue = given.places.cue(options.cue)
    found = run_harmonize(given.path(), cue, target, settings, progress=tell)
    sound, made_rate = read_sound(target)
    value = found.results() | {"key": found.key, "stretches": found.rows, "advice": found.advice()}
    return Answer(value, (sound,), made_rate)


def render(given: Given, options: o.Render, tell: Tell) -> Answer:
    """Sound [shape=(frames, 2)] of a cue and its notes as a MIDI file, as two buffers."""
    from ...analysis.sound.sound_file import read_sound
    from ..sessions.session import Session
    from .scores import file_bytes

    target, midi = given.scratch / "music.wav", given.scratch / "music.mid"
    session = Session.open(
        given.places.cue(options.cue),
        director=options.director,
        output=f"file:{target}",
        seed=options.seed,
        parameters=options.parameters,
        midi=midi,
    )
    try:
        moods = (options.valence, options.arousal, options.tension)
        if any(one is not None for one in moods):
            session.mood(*moods, ramp_seconds=0.0)
        if options.section:
            session.go(options.section)
        for second in range(math.ceil(options.seconds)):
            session.advance(min(1.0, options.seconds - second))
            tell(second / options.seconds, "rendering")
        session.settle()
        session.close()
    except BaseException:
        session.discard()
        raise
    sound, rate = read_sound(target)
    value = {"seconds": len(sound) / rate, "arrays": ["sound", "midi"]}
    return Answer(value, (sound, file_bytes(midi)), rate)


def cue_check(given: Given, options: o.CueCheck, tell: Tell) -> dict[str, Any]:
    """Every fault; none if it can be played."""
    from ...music.cue_file import check_cue
    from ...synth.sample_check import sample_faults

    faults = check_cue(given.places.cue(options.cue), sample_faults)
    return {"faults": [vars(fault) for fault in faults]}


def _check_length(seconds: float) -> None:
    if seconds > MOST_SECONDS:
        raise SegueError(
            f"the sound lasts {seconds:.0f} seconds; give {MOST_SECONDS:g} at most, so that what "
            "is made can be sent back"
        )
