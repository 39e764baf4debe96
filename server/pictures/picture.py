"""Pictures of music: any sound by itself, or a session's render with its notes and moods.

The panels are those of `picture_sound` and `picture_story`, framed by `picture_frame`.
"""

from pathlib import Path

from ...analysis.sound.sound_file import read_sound
from ...music.errors import UnknownNameError
from ...music.files import check_writable, write_whole
from .picture_frame import draw_panels
from .picture_sound import Samples, sound_panels
from .picture_story import story_panels, with_bar_lines
from .story import Story


def check_picture(path: str | Path) -> Path:
    """The path if a PNG file can be written there; told before there is anything to draw."""
    target = check_writable(path)
    if target.suffix.lower() != ".png":
        raise UnknownNameError("picture file ending", target.suffix, (".png",))
    return target


def draw_picture(
    path: str | Path,
    samples: Samples,
    sample_rate: int,
    *,
    story: Story | None = None,
    title: str = "",
) -> None:
    """Draw sound as a PNG file; with the story of its session, the music above it.

    :param samples: full scale 1 [shape=(frames,) or (frames, channels)]
    :param story: of the session whose sound this is
    :param title: stands on top; the story's own if there is none

    Raises SegueError for samples that are no sound and a file that cannot be written.
    """
    panels = sound_panels(samples, sample_rate)
    if story is not None and story.bars:
        panels = story_panels(story) + with_bar_lines(panels, story)
        title = title or story.title
    write_whole(path, draw_panels(panels, len(samples) / sample_rate, title))


def draw_file(path: str | Path, sound: str | Path, *, story: Story | None = None) -> None:
    """Draw a sound file as a PNG file, with its session's story if there is one.

    Raises SegueError for a file that cannot be read or written.
    """
    check_picture(path)
    samples, rate = read_sound(sound)
    name = Path(sound).name
    draw_picture(
        path, samples, rate, story=story, title=f"{story.title}: {name}" if story else name
    )
