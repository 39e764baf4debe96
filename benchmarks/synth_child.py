"""A player in a process of its own: `python -m segue.benchmarks.synth_child NAME SCORE OUT.wav`.

So that what it used can be read when it ends, as with any other program. NAME is `segue`,
`segue:BLOCK_FRAMES` or `tono`; SCORE is what `save_piece` wrote.
"""

import gc
import sys
from pathlib import Path

from .synth_piece import SAMPLE_RATE, Piece, load_piece


def main(name: str, score: Path, out: Path) -> None:
    """Play a score into a file."""
    piece = load_piece(score)
    player, _, block = name.partition(":")
    if player == "tono":
        from .synth_tono import render

        render(piece.channels, piece.events, out)
    else:
        play(piece, int(block), out)


def play(piece: Piece, block_frames: int, out: Path) -> None:
    """Play a piece into a WAV file with our engine."""
    from ..synth.engine import Engine
    from ..synth.render import end_frame, render_blocks
    from ..synth.sinks import FileSink

    with (
        Engine(
            piece.channels, mix=piece.mix, block_frames=block_frames, gain_db=piece.gain_db
        ) as engine,
        FileSink(out, SAMPLE_RATE) as sink,
    ):
        engine.schedule(piece.events)
        gc.collect()
        gc.freeze()  # as the process of an engine does
        render_blocks(engine, end_frame(piece.events), sink.write)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
