from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.envs.stems.scores import compose_score
from segue.music.cue import Cue
from segue.music.cue_file import load_cue, write_cue


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Cue:
    """A composed score as a cue folder; its stems are silent, and of a low rate to be small."""
    place: Path = tmp_path_factory.mktemp("stems")
    cue = replace(compose_score(2003), folder=str(place))
    for layer in cue.layers:
        frames = round(layer.beats * 60.0 / layer.bpm * 4000) + 400
        soundfile.write(place / layer.file, np.zeros(frames), 4000)
    write_cue(cue, place / "score")
    return load_cue(place / "score")
