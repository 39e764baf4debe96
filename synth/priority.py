"""Real-time priority for threads that sound depends on, where the system grants it."""

import os
import sys
import threading

AUDIO_PRIORITY = 60
"""Below a JACK server and its clients (usually 70 and 65), above all ordinary threads."""


def raise_priority() -> bool:
    """Give the calling thread real-time priority; False where that is not allowed or not known.

    What it starts has ordinary priority again.
    """
    if sys.platform != "linux":
        return False
    try:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(AUDIO_PRIORITY))
    except OSError:
        return False
    return True


def may_raise_priority() -> bool:
    """Whether `raise_priority` works here; the calling thread keeps its own."""
    answer: list[bool] = []
    thread = threading.Thread(target=lambda: answer.append(raise_priority()))
    thread.start()
    thread.join()
    return answer[0]
