"""Real-time priority, where it is granted."""

import os
import sys
import threading

import pytest

from segue.synth.priority import may_raise_priority, raise_priority


@pytest.mark.skipif(sys.platform != "linux", reason="known on Linux only")
def test_it_is_given_to_the_calling_thread_alone():
    seen = []

    def work():
        if raise_priority():
            seen.append(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)

    before = os.sched_getscheduler(0)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert bool(seen) == may_raise_priority()
    assert seen in ([], [os.SCHED_FIFO])
    assert os.sched_getscheduler(0) == before


def test_elsewhere_it_is_not_known(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert not raise_priority() and not may_raise_priority()
