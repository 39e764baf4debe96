"""How steady the MIDI clock is, sent by its own process beside one whose threads are busy.

The measure is taken where the sender hands a tick to the driver: what cables and receivers add is
not in it.
"""

import threading
import time

from ..music.events import Channel
from ..synth.midi_options import MidiOptions
from ..synth.midi_process import MidiProcess

BPM = 120.0  # a tick every 20.8 ms
LEAD_SECONDS = 0.2


def measure_clock_jitter(seconds: float = 10.0) -> dict[str, float]:
    """How far the time between two ticks is from 20.8 ms, over some seconds: p50, p99 and most.

    :return: `p50_ms`, `p99_ms`, `max_ms`
    """
    stop = threading.Event()
    busy = threading.Thread(target=_keep_busy, args=(stop,), daemon=True)
    options = MidiOptions(clock=True)
    with MidiProcess("null", [Channel("lead", "piano")], options=options) as port:
        busy.start()
        try:
            beats = (seconds + 1.0) * BPM / 60.0
            port.bar(round(LEAD_SECONDS * port.sample_rate), 0.0, beats, BPM)
            port.start(time.monotonic())
            stop.wait(seconds + LEAD_SECONDS)
            found = port.metrics()
        finally:
            stop.set()
            busy.join()
    return {f"{name}_ms": found[f"jitter_{name}_ms"] for name in ("p50", "p99", "max")}


def _keep_busy(stop: threading.Event) -> None:
    """What a game in Python does to a clock in its own process."""
    total = 0
    while not stop.is_set():
        total += sum(range(1000))
