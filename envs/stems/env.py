"""`segue/Stems-v0` as Gymnasium offers it; what happens in it is in `core`."""

from ..forms import SingleEnv, VectorForm
from .core import StemsCore


class StemsEnv(SingleEnv):
    """Let recorded music follow a game, by the ways its author allowed.

    ## Description

    A score is recorded: sections in stems, one for each part. Nothing of it can be played in
    another way; what is left are the two means of game audio middleware, to go to another section
    (horizontal re-sequencing) and to bring parts in and out (vertical layering). A section can be
    left only by the ways that the author wrote, each at the next bar, the end of the phrase or of
    the section, some over a fill of one bar; some lie at the end of others, and one section is a
    dead end with a single way out. A game wants a mood, bar by bar; a simulated listener feels what
    the mix that sounds expresses, late and in a way of their own.

    What makes it hard: a way that is asked for is taken bars later, and the section then stays for
    bars; so the agent must ask before the mood is wanted, on what little is known of the future.
    Listeners differ in bias and gain, which show only in a noisy rating every four bars. The worlds
    are those that play live, and the masks those of a session's commands.

    Moods are in standard deviations (sd) of listeners' ratings; 1 sd is 0.5 in `music.mood.Mood`.

    ## Action space

    `Discrete(98)`, masked: `way * 14 + change`, one decision a bar.

    Way 0 stays, ways 1 to 6 go to the cue's section of that number, from calm to wild. Changes of
    the mix, in order: keep; part 0..4 a level up; part 0..4 a level down (off, soft, full); and the
    presets quiet (two parts, soft), middle (half of the parts, full) and all. A change sounds in
    the very bar, a way when its transition allows. Asking for another section while one is on its
    way replaces it, which is a broken promise.

    `action_masks` tells what is allowed: ways that the author wrote, but not to the section that is
    on its way already; changes that make a difference and leave something sounding.

    ## Observation space

    `Box(-10, 10, (154,), float32)`. Pairs are valence, arousal.

    | index | name | unit | about |
    | --- | --- | --- | --- |
    | 0-1 | target_* | sd | mood wanted at the last bar that is known |
    | 2-3 | change_* | sd | its change over that bar |
    | 4-13 | ahead_1_* .. ahead_5_* | sd | mood expected after each coming bar, less target |
    | 14-17 | ahead_doubt_1_*, ahead_doubt_4_* | sd | mean absolute error of such forecasts |
    | 18-19 | estimate_* | sd | what an average listener feels by now |
    | 20-21 | felt_* | sd | what this listener feels, as far as answers tell |
    | 22-29 | gain_*, bias_*, doubt_*, bias_doubt_* | 1, sd | belief about this listener |
    | 30 | ratings | 0..1 | n / (n + 2) of n ratings |
    | 31-32 | gap_* | sd | mood wanted less felt |
    | 33-34 | next_gap_* | sd | mood expected, less where the next bar pulls if nothing changes |
    | 35-37 | phase_sin, phase_cos, phrase_boundary | 1 | place in the phrase of four bars |
    | 38-39 | to_end, turn | 8 bars, 4 turns | to the section's end, and how often it was played |
    | 40-41 | leaving, bar_seconds | 0 or 1, s | a section is on its way; length of a bar less 2 |
    | 42-51 | part_*_level, part_*_present | 0..1 | the mix, and which parts the section has |
    | 52-77 | part_*_up_*, part_*_down_*, quiet_*, middle_*, all_* | sd | mood by each change |
    | 78-105 | *_soon, *_settled | sd | distance of felt and wanted mood after each change |
    | 106-153 | slot_*_* | | eight numbers of each section, 0 where there is none |

    `soon` is the distance there would be three bars from now, `settled` in the long run, for what
    is believed of this listener and expected of the game, if the change were the last one.

    Of each section: whether it is played now (here), on its way (coming), open from here (open),
    after how many bars it could begin by the quickest way (wait, in 8 bars), the mood expected by
    then less the mood of this listener there with this mix (gap), and soon and settled with the
    best of the mixes in which no part is soft.

    ## Reward

    The sum of four terms, each also in `info`:

    | term | is |
    | --- | --- |
    | mood | - mean distance of felt and wanted mood over both axes, sd |
    | movement | -0.04 x movement of the mix and the sections |
    | monotony | -0.05 for each turn of a section beyond the second, up to four |
    | promise | -0.2 for a section that was asked for and given up for another |

    Movement counts the levels that parts move, x 0.35 where a phrase begins and x 1.3 elsewhere,
    and 2 for another section that begins.

    ## Starting state

    A score at its first section in the mix `middle`, a game session in bars of the score's length,
    and a listener, all drawn at reset.

    ## Episode end

    Truncation after 64 bars; there is no terminal state.

    ## Arguments

    `split` (train, validation, test, heldout: of scores and games), `targets` (traces of real play,
    generator of game-like scenes, sliders set by hand, mixed), `cues` (folders of recorded cues,
    such as `segue cue record` makes, in place of the scores), `bars`, `model` and `listener_model`
    (emotion models of the agent and of listeners), `forecast` (False: the last mood wanted is taken
    to stay), `mood_weight`, `movement_weight`, `monotony_weight`, `promise_weight`, and of the
    listener `memory_bars` (0: no lag), `bias_sd`, `log_gain_sd` (0: everyone feels alike),
    `feedback` (any of rating, thumbs, skip, silence), `rating_every_bars`, `rating_noise`, ... See
    `StemsSettings` and `ListenerSettings`.

    ```python
    env = gym.make("segue.envs:segue/Stems-v0", split="train")
    MaskablePPO("MlpPolicy", env).learn(200_000)    # of sb3_contrib
    ```

    ## Version history

    * v0: first.
    """

    core_class = StemsCore


class StemsVectorEnv(VectorForm):
    """`segue/Stems-v0`, n at once; its manual is that of `StemsEnv`."""

    core_class = StemsCore
