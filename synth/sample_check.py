"""What is wrong with the recordings of a sampled instrument, found without keeping their sound."""

from ..music.errors import SegueError
from ..music.sample_names import SampleName
from .samples import MAX_SET_BYTES, Extent, Zone, check_cut

FAULTS_TOLD = 5  # of one instrument; whoever moved a folder need not read of each file in it


def sample_faults(name: SampleName, sample_rate: int = 48_000) -> list[str]:
    """Why a set cannot be played as it was meant, each a fact and a way out; none if it can.

    Every recording is decoded to its end, a block at a time. The samples of a SoundFont, which are
    not coded, are not read, but have to lie inside of the file.

    :param sample_rate: at which the set has to fit into memory, in Hz
    """
    from .sampler import read_zones

    try:
        zones = read_zones(name)
    except SegueError as error:
        return [str(error)]
    extents: dict[str, Extent | SegueError] = {}
    faults: dict[str, None] = {}
    cuts: dict[tuple[object, ...], float] = {}
    for zone in zones:
        if zone.key not in extents:
            extents[zone.key] = _probed(zone)
        extent = extents[zone.key]
        try:
            if isinstance(extent, SegueError):
                raise extent
            end, _ = check_cut(zone, extent.frames, extent.loop)
        except SegueError as error:
            faults.setdefault(str(error))
        else:
            frames = (end - zone.start_frame) * sample_rate / extent.sample_rate
            cut = (zone.key, zone.start_frame, zone.end_frame, zone.loops, zone.loop)
            cuts[cut] = 4.0 * frames * min(extent.channels, 2)
    if sum(cuts.values()) > MAX_SET_BYTES:
        faults.setdefault(
            f"{name} takes {sum(cuts.values()) / 2**20:.0f} MB, more than "
            f"{MAX_SET_BYTES // 2**20}; use shorter samples, fewer velocity layers or round robins"
        )
    return _shortened(list(faults), name)


def _probed(zone: Zone) -> Extent | SegueError:
    try:
        return zone.extent()
    except SegueError as error:
        return error


def _shortened(faults: list[str], name: SampleName) -> list[str]:
    rest = faults[FAULTS_TOLD:]
    if len(rest) < 2:
        return faults
    return [*faults[:FAULTS_TOLD], f"{name} has {len(rest)} more faults; mend these ones first"]
