"""Running medians of tables, fast: a network of comparisons on whole rows at once.

Every value and its neighbours run through the same comparisons (K. Batcher, "Sorting networks and
their applications", AFIPS 1968), of which only those are kept on which the middle one depends. So
the work is minima and maxima of arrays that fit into the cache.
"""

from functools import lru_cache

import numpy as np

from ...music.errors import SegueError
from ..spectra import Floats

_VALUES_AT_ONCE = 16_384


def running_median(values: Floats, length: int, axis: int) -> Floats:
    """Median of each value and its neighbours along an axis of a table [shape=(rows, columns)].

    Beyond the edges, the last value counts on. Raises SegueError for a length that is not odd or
    not 1 to 63.
    """
    if not 1 <= length <= 63 or not length % 2:
        raise SegueError(f"a median over {length} values; give an odd number from 1 to 63")
    if axis == 1:
        return np.ascontiguousarray(running_median(np.ascontiguousarray(values.T), length, 0).T)
    rows, columns = values.shape
    if not values.size or length == 1:
        return np.array(values, np.float32)
    padded = np.pad(values, ((length // 2, length // 2), (0, 0)), mode="edge")
    found = np.empty((rows, columns), np.float32)
    step = max(_VALUES_AT_ONCE // columns, 1)
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        near = [padded[start + shift : stop + shift] for shift in range(length)]
        found[start:stop] = _median(near)
    return found


def _median(near: list[Floats]) -> Floats:
    """The middle of some arrays of one shape, value by value."""
    wires = list(near)
    own = [False] * len(wires)  # whether a wire's array may be written to
    spare: list[Floats] = []
    for low, high, needs_low, needs_high in median_network(len(near)):
        one, other = wires[low], wires[high]
        free = [array for array, is_own in ((one, own[low]), (other, own[high])) if is_own]
        if needs_low and needs_high:
            target = spare.pop() if spare else np.empty_like(one)
            wires[low] = np.minimum(one, other, out=target)
            into = free.pop() if free else (spare.pop() if spare else np.empty_like(one))
            wires[high] = np.maximum(one, other, out=into)
            own[low] = own[high] = True
        else:
            kept, chosen = (low, np.minimum) if needs_low else (high, np.maximum)
            into = free.pop() if free else (spare.pop() if spare else np.empty_like(one))
            wires[kept] = chosen(one, other, out=into)
            own[kept], own[high if kept == low else low] = True, False
        spare += free
    return wires[len(near) // 2]


@lru_cache(maxsize=8)
def median_network(count: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """Comparisons (low wire, high wire, low is needed, high is needed) that find the middle wire.

    Batcher's merge exchange, without what does not lead to wire count // 2.
    """
    pairs = _merge_exchange(count)
    needed = {count // 2}
    kept = []
    for low, high in reversed(pairs):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))


def _merge_exchange(count: int) -> list[tuple[int, int]]:
    """Algorithm M of D. Knuth, The Art of Computer Programming 3, section 5.2.2."""
    pairs: list[tuple[int, int]] = []
    top = 1 << max((count - 1).bit_length() - 1, 0)
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    return pairs
