"""`segue/Arrange-v0` as Gymnasium offers it; what happens in it is in `core`."""

from ..forms import SingleEnv, VectorForm
from .core import ArrangeCore


class ArrangeEnv(SingleEnv):
    """Keep the music in step with a game, for a listener nobody knows.

    ## Description

    A game wants a mood, bar by bar. An agent turns nine knobs of an arranger; the arranger plays
    the next bar of a cue; a simulated listener feels what it expresses, late and in a way of their
    own. The agent earns most when what is felt follows what is wanted, by music that moves as
    little as it must. Everything but the game and the listener is what also plays live: the same
    cues, arranger, world, ear and observation.

    What makes it hard, and learning worth it, is what is hidden and late: listeners differ in bias
    and gain, which show only in a noisy rating every four bars; felt mood lags by about four bars;
    a bar is decided before it is known what the game wants of it; and every movement of a knob has
    a price, lower where a phrase begins. With an obedient listener and no lag a one-step search is
    as good as anything.

    Moods are in standard deviations (sd) of listeners' ratings; 1 sd is 0.5 in `music.mood.Mood`.

    ## Action space

    `Box(-1, 1, (9,), float32)`: how far each knob moves: nothing inside +-0.2, 0.35 of its range at
    +-1. Knobs, in order: tempo (slow to fast), mode (dark to bright), harmony, arpeggio, bass,
    drums (silent to busy), register (low to high), articulation (staccato to legato), dynamics
    (soft to loud).

    ## Observation space

    `Box(-10, 10, (49,), float32)`. Pairs are valence, arousal.

    | index | name | unit | about |
    | --- | --- | --- | --- |
    | 0-8 | knob_* | 0..1 | where the knobs are |
    | 9-10 | estimate_* | sd | what an average listener feels by now |
    | 11-12 | felt_* | sd | what this listener feels, as far as ratings tell |
    | 13-14 | gain_* | 1 | believed gain of this listener, less 1 |
    | 15-16 | bias_* | sd | believed bias of this listener |
    | 17-18 | doubt_* | sd | posterior sd of felt |
    | 19-20 | bias_doubt_* | sd | posterior sd of bias |
    | 21-22 | next_* | sd | impression of the next bar if no knob moves |
    | 23-24 | next_pull_* | sd | where that would pull this listener, less felt |
    | 25-26 | gap_* | sd | mood wanted less felt |
    | 27-28 | target_* | sd | mood wanted, at the last bar that is known |
    | 29-30 | change_* | sd | its change over the last bar |
    | 31-32 | change_before_* | sd | and over the bar before |
    | 33-34 | trend_* | sd | mood wanted less its mean over some eight bars |
    | 35-36 | phase_sin, phase_cos | 1 | place in the phrase of four bars |
    | 37 | phrase_boundary | 0, 1 | the next bar begins a phrase |
    | 38 | leaving | 0, 1 | a change of section is on its way |
    | 39 | brightness | -1..1 | of the mode of the last bar |
    | 40 | ratings | 0..1 | n / (n + 2) of n ratings |
    | 41-48 | heard_* | about -1..1 | features of the last bar, see `perception.HEARD` |

    ## Reward

    The sum of four terms, each also in `info`:

    | term | is |
    | --- | --- |
    | mood | - mean distance of felt and wanted mood over both axes, sd |
    | continuity | -0.15 x movement of the knobs |
    | rules | -0.1 for each rule of arranging that is broken, by how far |
    | feedback | - weight x distance of a rating and the mood wanted, sd; weight 0 unless set |

    Movement counts 2 for tempo and mode, 1.5 for register, 1 for others, nothing below .02, all x
    0.35 where a phrase begins and x 1.3 elsewhere. The rules are those of `broken_rules`: thin,
    extreme, tame, restless, choppy, muddy, hollow, weak. Feedback is for training without access to
    what is felt.

    ## Starting state

    A cue, a game session, a listener and knobs uniform in 0.2..0.8, all drawn at reset.

    ## Episode end

    Truncation after 64 bars; there is no terminal state.

    ## Arguments

    `split` (train, validation, test, heldout), `targets` (traces of real play, generator of
    game-like scenes, sliders set by hand, mixed),
    `cues` (names or folders), `bars`, `model` and `listener_model` (emotion models of the agent and
    of listeners), `mood_weight`, `continuity_weight`, `rules_weight`, `feedback_weight`, and of the
    listener `memory_bars` (0: no lag), `bias_sd`, `log_gain_sd` (0: everyone feels alike),
    `rating_every_bars` (0: never), `rating_noise`. See `ArrangeSettings` and `ListenerSettings`.

    ```python
    env = gym.make("segue.envs:segue/Arrange-v0", split="train", memory_bars=0)
    envs = gym.make_vec("segue.envs:segue/Arrange-v0", num_envs=256)
    ```

    ## Version history

    * v0: first.
    """

    core_class = ArrangeCore


class ArrangeVectorEnv(VectorForm):
    """`segue/Arrange-v0`, n at once; its manual is that of `ArrangeEnv`."""

    core_class = ArrangeCore
