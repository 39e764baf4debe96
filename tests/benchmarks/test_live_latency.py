"""The measurement of event to sound: its onset finder, and a short run through real JACK."""

import shutil

import numpy as np
import pytest

from segue.benchmarks.live_latency import find_onsets, measure_event_to_sound
from segue.music.errors import MissingPartError


def test_onsets_are_found_to_the_sample_after_quiet_only():
    rate = 48_000
    sound = np.zeros(rate, np.float32)
    for start in (4_800, 24_001):
        sound[start : start + 900] = 0.1 * np.sin(np.arange(900) * 0.3 + 1.0)
    blocks = [(10.0 + at / rate, sound[at : at + 256]) for at in range(0, rate, 256)]
    onsets = np.array(find_onsets(blocks, rate)) - 10.0
    assert np.rint(onsets * rate).tolist() == [4_800, 24_001]
    assert find_onsets([(0.0, np.zeros(256))], rate) == []


@pytest.mark.slow
def test_a_short_run_hears_its_events_in_time():
    pytest.importorskip("jack", reason="JACK-Client is not installed")
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: apt install jackd2)")
    found = measure_event_to_sound(8)
    assert found["heard"] >= 6
    assert 1.0 < found["event_to_sound_ms_p50"] < 20.0  # generous: other work shares the machine


def test_without_jackd_it_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingPartError, match="jackd is not installed"):
        measure_event_to_sound()
