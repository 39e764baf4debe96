"""The shipped cues as a listener hears them."""

from pathlib import Path

import pytest

from segue.music.cue_file import shipped_cues
from segue.server.pictures.listen import listen_to_file
from segue.server.sessions.embedded import open_session


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_cues())
def test_a_cue_is_loud_enough_whole_and_wide(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.wav"
    with open_session(name, output=f"file:{path}", seed=0) as session:
        session.advance(15.0)
        session.mood(valence=0.6, arousal=0.6)
        session.advance(15.0)
    heard = listen_to_file(path)
    assert heard.loudness_lufs == pytest.approx(-16.0, abs=1.0)
    assert heard.true_peak_db <= -0.9 and heard.clicks == 0 and heard.clipped_runs == 0
    assert 1.5 < heard.loudness_range_lu < 10.0 and heard.silence_share < 0.2  # the tail counts
    assert heard.stereo is not None and -11.0 < heard.stereo.width_db < -4.0
    assert abs(heard.stereo.balance_db) < 2.0
