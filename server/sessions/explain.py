"""What a command would do, in words."""

from collections.abc import Iterator

from ...client import protocol as p
from ...music.cue import Transition
from ..performing.conductor import Conductor
from ..performing.departures import Departure, has_filler
from ..performing.performance import Performance
from ..performing.realise import duration_beats
from .checks import mood_axes
from .queue import NOT_YET, Waiting

LEAVING = {
    "beat": "at the next bar",
    "bar": "at the next bar",
    "phrase": "at the next phrase",
    "section": "at the end of the section",
}
"""When a transition leaves a section, by its `at`."""

MOMENTS = {
    "now": "at once",
    "beat": "at the next beat",
    "bar": "at the next bar line",
    "phrase": "at the next phrase of four bars",
    "section": "at the next beginning of a section",
}
COUNTED = {
    "grid": "at the next multiple of {} beats",
    "bars": "at the bar line {} bars on",
    "marker": "the next time that marker '{}' is reached",
    "section": "the next time that section '{}' begins",
    "beat": "at beat {}",
    "frame": "at frame {}",
}


def moment(at: str) -> str:
    """When `at` is, in words."""
    word, colon, rest = at.partition(":")
    return COUNTED[word].format(rest) if colon else MOMENTS[at]


def explain_go(
    conductor: Conductor, content: p.Go, departure: Departure, *, open_bar: int, decided: int
) -> tuple[str, list[str]]:
    """Rule and steps of a departure that has been tried.

    :param open_bar: index of the first bar that could be decided otherwise
    :param decided: index of the last bar that was decided before
    """
    here = _section_before(conductor, departure.bar)
    rule = conductor.cue.transition(here, content.section)
    if here == content.section or rule is None:
        return f"section {here!r} plays already", ["nothing changes"]
    steps = []
    loop_bars = conductor.loops.bars_at(open_bar - 1)
    if loop_bars:
        steps.append(f"the loop of {loop_bars} bars ends")
    if has_filler(rule, content.fill):
        steps.append(f"bar {departure.bar - 1} is played as a fill")
    entry = ", at the bar at which the old one is left" if content.entry == "same" else ""
    steps.append(f"section {content.section!r} begins with bar {departure.bar}{entry}")
    if content.fade_beats:
        steps.append(f"the layers fade in over {content.fade_beats:g} beats")
    if (again := decided - open_bar + 1) > 0:
        steps.append(f"{_bars(again)} decided already {'are' if again > 1 else 'is'} decided again")
    return f"{_way(here, content, rule)}; asked for {moment(content.at)}", steps


def _section_before(conductor: Conductor, bar: int) -> str:
    """The section that is left, as far as is known."""
    slots = conductor.timeline.slots
    first, last = slots[0].performed.bar.index, slots[-1].performed.bar.index
    return slots[min(max(bar - 1, first), last) - first].performed.bar.section


def _way(here: str, content: p.Go, rule: Transition) -> str:
    leads = "a fill leads" if has_filler(rule, content.fill) else "no fill leads"
    asked = "" if content.fill is None else ", as asked for"
    written = f"written as '{rule.source} -> {rule.target}'"
    return f"{here} -> {content.section}, {written}: {LEAVING[rule.at]}, {leads} into it{asked}"


def _bars(count: int) -> str:
    return f"{count} bar that is" if count == 1 else f"{count} bars that are"


def explain_other(
    music: Performance, content: p.Command, item: Waiting, frame: int
) -> tuple[str, list[str]]:
    """Rule and steps of any command but a departure."""
    rule = moment(content.at)
    if item.due.estimated:
        rule += ", which is estimated: tempo or way up to there are not settled"
    steps = []
    if item.act_frame >= NOT_YET:
        steps.append("it waits until the bar that carries that place is settled")
    elif item.act_frame > frame:
        steps.append(f"it waits until bar {item.due.bar}, beat {item.due.beat:g}")
    return rule, steps + list(_effects(music, content, item))


def _effects(music: Performance, content: p.Command, item: Waiting) -> Iterator[str]:
    match content:
        case p.Set():
            yield from _set(music, content)
        case p.SetMood():
            for axis, value in mood_axes(content).items():
                to = "back to the parameters" if value is None else f"to {value:+.2f}"
                yield f"the {axis} wanted goes {to} in {content.ramp_seconds:g} s"
        case p.Stinger():
            stinger = music.cue.stinger(content.name)
            duck_db = stinger.duck_db if content.duck_db is None else content.duck_db
            yield f"stinger {stinger.name!r} sounds for {duration_beats(stinger):g} beats"
            yield f"the layers step back by {duck_db:g} dB"
        case p.Feedback():
            yield from _feedback(music, content)
        case p.Level():
            here = music.mix.targets()[content.layer]
            way = f"from {here:g} to {content.value:g} in {content.ramp_seconds:g} s"
            yield f"the gain of layer {content.layer!r} goes {way}"
        case p.Control():
            yield f"{content.name} goes to {content.value:g} in {content.ramp_seconds:g} s"
        case p.Duck():
            yield f"all layers step back by {content.depth_db:g} dB for {content.seconds:g} s"
        case p.Loop(bars=0):
            yield f"bar {item.due.bar} and those after it are decided again"
        case p.Loop():
            last = item.due.bar + content.bars - 1
            yield f"bars {item.due.bar} to {last} are played, and from bar {last + 1} on again"
        case _:
            decided = music.timeline.slots[-1].performed.bar.index + 1
            first = max(decided, item.due.bar) if music.began else 0
            yield f"{_said(content)}; it counts from bar {first} on"


def _set(music: Performance, content: p.Set) -> Iterator[str]:
    for name, value in content.parameters.items():
        parameter = music.cue.parameter(name)
        ramp = parameter.ramp_seconds if content.ramp_seconds is None else content.ramp_seconds
        moved = [binding.to for binding in music.cue.bindings if binding.parameter == name]
        what = f", which moves {', '.join(moved)}" if moved else ", which moves nothing by itself"
        yield f"parameter {name!r} goes to {value:g} in {ramp:g} s{what}"


def _feedback(music: Performance, content: p.Feedback) -> Iterator[str]:
    conductor = music.conductor
    if content.valence is not None or content.value:
        yield "the director learns how this listener hears"
    if content.value is not None and content.value < 0:
        target = conductor.elsewhere()
        if target is None or conductor.departures:
            yield "the music moves on already, or has nowhere to go"
        else:
            yield f"section {target!r} is gone to at the next phrase"


def _said(content: p.Command) -> str:
    match content:
        case p.Direct():
            return f"a person holds {', '.join(content.changes)}"
        case p.Release():
            return f"the director has {', '.join(content.names) or 'everything'} back"
        case p.Switch():
            return f"{content.director!r} directs"
        case p.Tempo(bpm=None):
            return "the tempo is the director's again"
        case p.Tempo():
            return f"the tempo is held at {content.bpm:g} bpm"
        case p.Unlearn():
            return "what the last feedback taught is taken back"
        case p.Learning():
            return f"the director learns {'again' if content.on else 'nothing more'} from feedback"
        case _:
            return "the director is told"
