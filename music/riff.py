"""Chunks of RIFF files, which WAV and SoundFont files are made of.

Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

_UNKNOWN_SIZE = 0xFFFF_FF00  # and above


def chunks(data: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Names and contents of the chunks in `data`; one that is cut short ends it, as it is."""
    at = 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name.decode("latin-1"), data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def missing_bytes(path: Path) -> int:
    """Bytes of a RIFF or AIFF file that its head tells of and that are not there.

    0 for other files, and where the head does not know, as of recordings that were streamed.
    """
    with path.open("rb") as file:
        head = file.read(8)
    order = {b"RIFF": "<", b"FORM": ">"}.get(head[:4])
    if order is None or len(head) < 8:
        return 0
    told = struct.unpack(f"{order}I", head[4:])[0]
    return 0 if told >= _UNKNOWN_SIZE else max(told + 8 - path.stat().st_size, 0)


def wave_loop(path: Path) -> tuple[int, int] | None:
    """First frame and first frame after the first loop of a WAV file; None if it has none."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if name == b"smpl":
                body = file.read(size)
                if len(body) < 60 or not struct.unpack_from("<I", body, 28)[0]:
                    return None
                first, last = struct.unpack_from("<2I", body, 44)
                return first, last + 1
            file.seek(size + size % 2, 1)
    return None
