"""`segue/Timbre-v0` as Gymnasium offers it; what happens in it is in `core`."""

from ..forms import SingleEnv, VectorForm
from .core import TimbreCore


class TimbreEnv(SingleEnv):
    """Turn a synthesizer's knobs so that what is heard follows a sound.

    ## Description

    A synthesizer of eight knobs sounds all the time; beside it sounds a target: another setting of
    the same synthesizer, one whose knobs glide, or a note or phrase of an instrument. Every 0.2
    seconds the agent hears both, in the 29 numbers of `analysis.sound.descriptors`, and turns the
    knobs. It earns most when the two sound alike soon, and stay so, with little turning. The sound
    is that of the real engine: a pyo graph in `manual` mode, one voice for each episode
    (`synth.patch`); the ears are those of `analysis`.

    It is the task of sound matching, played live: there is no going back to try again, and what a
    knob does depends on all the others (a closed filter hides the oscillators, noise hides the
    pitch). Settings can be matched exactly; glides are heard when they happen, so that an answer is
    a step late; instruments can be come near to.

    Source of the idea: C. Madaghiele and S. Fasciani, reinforcement learning for improvisation
    matching (AIMC 2024); Q. Lan, J. Tørresen and A. R. Jensenius, "RaveForce" (SMC 2019).

    ## Action space

    `Box(-1, 1, (8,), float32)`: how far each knob moves, 0.25 of its range at +-1. Knobs, in order:
    pitch (MIDI 36..84), ratio (1, 2, 3, 4 of modulator and carrier), index (0..4 radians), saw
    (0..1, the rest is FM), noise (0..0.5), cutoff (150..9000 Hz), resonance (0..0.9), level
    (-30..0 dB). With `discrete=True`, `MultiDiscrete([3] * 8)`: 0 down, 1 stay, 2 up, by 0.05.

    ## Observation space

    `Box(-5, 5, (96,), float32)`

    | index | name | about |
    | --- | --- | --- |
    | 0-28 | own_* | descriptors of what the synthesizer sounded in the last step |
    | 29-57 | target_* | of the target in the same step |
    | 58-86 | gap_* | target less own |
    | 87-94 | knob_* | where the knobs are, -1..1 |
    | 95 | time | share of the episode that has passed |

    Descriptors: loudness, brightness, noisiness, pitch, voicing, 12 coefficients of the spectral
    envelope (MFCC), 12 pitch classes (chroma); centred and scaled to about -2..2, pitch by how much
    of it there is.

    ## Reward

    The sum of eight terms, each also in `info`. Each of the first six is minus a distance, 0..2,
    times its share of the weights (2/11; chroma 1/11).

    | term | is |
    | --- | --- |
    | loudness | difference / 12 dB |
    | brightness | difference of the centroids / 1.5 octaves |
    | noisiness | difference of the flatness / 18 dB |
    | pitch | difference / an octave, where both have one; 1 where only one has |
    | envelope | mean difference of the MFCC / 16 dB |
    | chroma | 1 - cosine of the pitch classes |
    | improvement | 0.5 x the distance that this step has taken away |
    | movement | -0.1 x mean movement of the knobs, of their ranges |

    At the end, `info` has `final_distance` (mean of the last 4 steps), `mean_distance`,
    `seconds_to_tolerance` and `within_tolerance` (share of the steps).

    ## Starting state

    Knobs uniform over their ranges, and a target, drawn at reset.

    ## Episode end

    Truncation after 32 steps (6.4 seconds); there is no terminal state.

    ## Arguments

    `split` (train, validation, test: other settings and other instruments), `target` (setting,
    glide, note, phrase, mixed), `steps`, `discrete`, `largest_move`, `discrete_move`,
    `loudness_weight`, `brightness_weight`, `noisiness_weight`, `pitch_weight`, `envelope_weight`,
    `chroma_weight` (a 0 leaves a descriptor out), `improvement_weight`, `movement_weight`,
    `tolerance`, `sample_rate` (of the synthesizer, 22050 Hz or more). See `TimbreSettings`.

    ```python
    env = gym.make("segue.envs:segue/Timbre-v0", target="glide", render_mode="audio")
    envs = gym.make_vec("segue.envs:segue/Timbre-v0", num_envs=64)
    ```

    ## Version history

    * v0: first.
    """

    core_class = TimbreCore


class TimbreVectorEnv(VectorForm):
    """`segue/Timbre-v0`, n at once; its manual is that of `TimbreEnv`."""

    core_class = TimbreCore
