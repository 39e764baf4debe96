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

    The game has its own clock. A bar lasts as long as its tempo says (1.1 to 4.2 s with the themes
    of the splits), and the game goes on for so long while it sounds: fast music hears of the game
    more often, slow music sees more of it go by in each bar.

    Moods are in standard deviations (sd) of listeners' ratings; 1 sd is 0.5 in `music.mood.Mood`.

    ## Action space

    `Box(-1, 1, (9,), float32)`: how far each knob moves: nothing inside +-0.2, 0.35 of its range at
    +-1. Knobs, in order: tempo (slow to fast), mode (dark to bright), harmony, arpeggio, bass,
    drums (silent to busy), register (low to high), articulation (staccato to legato), dynamics
    (soft to loud).

    ## Observation space

    `Box(-10, 10, (68,), float32)`. Pairs are valence, arousal.

    | index | name | unit | about |
    | --- | --- | --- | --- |
    | 0-8 | knob_* | 0..1 | where the knobs are |
    | 9-10 | estimate_* | sd | what an average listener feels by now |
    | 11-12 | felt_* | sd | what this listener feels, as far as their answers tell |
    | 13-14 | gain_* | 1 | believed gain of this listener, less 1 |
    | 15-16 | bias_* | sd | believed bias of this listener |
    | 17-18 | doubt_* | sd | posterior sd of felt |
    | 19-20 | bias_doubt_* | sd | posterior sd of bias |
    | 21-22 | next_* | sd | impression of the next bar if no knob moves |
    | 23-24 | next_pull_* | sd | where that would pull this listener, less felt |
    | 25-26 | gap_* | sd | mood wanted less felt |
    | 27-28 | target_* | sd | mood wanted, at the last bar that is known |
    | 29-30 | change_* | sd | its change over the last bar |
    | 31-40 | ahead_1_* .. ahead_5_* | sd | moods expected of the next five bars, less felt |
    | 41-42 | ahead_doubt_1_* | sd | expected error of the first of these |
    | 43-44 | ahead_doubt_4_* | sd | and of the fourth |
    | 45-46 | phase_sin, phase_cos | 1 | place in the phrase of four bars |
    | 47 | phrase_boundary | 0, 1 | the next bar begins a phrase |
    | 48 | leaving | 0, 1 | a change of section is on its way |
    | 49 | brightness | -1..1 | of the mode of the last bar |
    | 50 | ratings | 0..1 | n / (n + 2) of n ratings |
    | 51 | log_bar_seconds | 1 | log of the length of the next bar if no knob moves, s |
    | 52-61 | response_coming_* | spread 1 | how the next bar answers to the knobs |
    | 62-67 | response_next_* | spread 1 | the same of the three bars after it, their mean |

    The first mood expected (ahead_1) is that of the very bar that is being decided; all are for
    bars as long as the next one if no knob moves, from a network that each session corrects
    (`games.forecast`). What is believed is exact for ratings and an approximation for other
    answers (`belief`). The response is the first principal components of a bar's impressions under
    21 settings of the knobs (`response`).
    `show_game=True` adds the game's own features at the end, 68-82: game_*, see
    `games.game.GAME_FEATURES`.

    ## Reward

    The sum of four terms, each also in `info`:

    | term | is |
    | --- | --- |
    | mood | - mean distance of felt and wanted mood over both axes, sd |
    | continuity | -0.15 x movement of the knobs |
    | rules | -0.1 for each rule of arranging that is broken, by how far |
    | feedback | - weight x how bad the answers are; weight 0 unless set |

    Movement counts 2 for tempo and mode, 1.5 for register, 1 for others, nothing below .02, all x
    0.35 where a phrase begins and x 1.3 elsewhere. The rules are those of `rewards.broken_rules`:
    thin, extreme, tame, restless, choppy, muddy, hollow, weak. Feedback (the distance of a rating
    and the mood wanted, 1 for a dislike, skip or complaint) is for training without access to what
    is felt.

    ## Starting state

    A cue, a game session, a listener and knobs uniform in 0.2..0.8, all drawn at reset; the game
    has gone on for 2 s.

    ## Episode end

    Truncation after 64 bars; there is no terminal state. What listeners answer to a bar is in
    `core.answers`, what they feel in `core.listeners`, for measures alone. The last
    `info` holds what was measured:

    | name | unit | is |
    | --- | --- | --- |
    | error | sd | mean distance of felt and wanted mood |
    | late_error | sd | of the second half |
    | settle_bars | bars | from a jump of the target to a small distance; NaN if none jumped |
    | compensation | 1 | how far the music makes up for listeners' bias: 0 not, 1 fully |

    A target jumps where an axis moves by 0.8 sd within 3 bars; a distance below 0.35 sd is small;
    no jump counts for more than 12 bars. Compensation has a meaning as the mean of many episodes.

    ## Arguments

    | argument | default | is |
    | --- | --- | --- |
    | split | train | of games and themes: train, validation, test, heldout |
    | targets | traces | traces of real play, generator of scenes, sliders set by hand, mixed |
    | scenario | "" | the only one of the real games that is played; none: all of the split |
    | cues | () | names or folders; none: the themes of the split |
    | themes | 0 | composed themes of the training split, up to 1000; 0: 16 |
    | bars | 64 | length of an episode |
    | model | vgmidi | emotion model that the agent hears with |
    | listener_model | "" | the one that listeners feel with; none: the same |
    | mood_weight, continuity_weight, rules_weight | 1, .15, .1 | of the reward |
    | feedback_weight | 0 | of the reward |
    | memory_bars | 4 | time constant of what is felt; 0: felt at once |
    | bias_sd, log_gain_sd | .6, .25 | spread of listeners' traits |
    | bias_mean_valence, bias_mean_arousal | 0, 0 | of the population |
    | feedback | rating | rating, thumbs, skip, silence, joined by +; or none |
    | rating_every_bars, rating_noise | 4, .4 | of ratings |
    | thumbs_every_bars | 2 | bars between likes or dislikes |
    | complaint_share | .3 | of what they dislike, silent listeners say so |
    | forecast | True | False: the last mood wanted is taken to stay |
    | belief | True | False: gains are 1, biases the shrunk mean of ratings less estimates |
    | response | True | False: nothing is told of the coming bars (zeros) |
    | game_told | True | False: the forecast goes by the moods wanted alone |
    | show_game | False | True: the features of the game are seen too |
    | lookahead_bars | 0 | so many true moods (0 to 5) in place of those expected |
    | known_listener | False | True: what is believed of the listener is the truth |

    Named variants, each of which changes one thing; claims are made for the defaults:

    | variant | arguments |
    | --- | --- |
    | no lag | memory_bars=0 |
    | no listener | bias_sd=0, log_gain_sd=0 |
    | no ratings | feedback="none" |
    | thumbs only | feedback="thumbs" |
    | skips only | feedback="skip" |
    | silence | feedback="silence" |
    | all channels | feedback="rating+thumbs+skip+silence" |
    | no cost of change | continuity_weight=0 |
    | no commitment | lookahead_bars=1 |
    | no forecast | forecast=False |
    | untold game | game_told=False |
    | raw game | forecast=False, show_game=True |
    | no belief | belief=False |
    | no theme response | response=False |
    | known future | lookahead_bars=5 |
    | known listener | known_listener=True |
    | other ears | listener_model="emopia" |

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
