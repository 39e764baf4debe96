"""`segue/Melody-v0` as Gymnasium offers it; what happens in it is in `core`."""

from ..forms import SingleEnv, VectorForm
from .core import MelodyCore


class MelodyEnv(SingleEnv):
    """Write a melody of four bars, note by note, that keeps rules and stays near a learned model.

    ## Description

    The task of RL Tuner (Jaques et al. 2016, arXiv:1611.02796): a model that has learned what folk
    tunes do, and rules of music theory that it does not know. An agent chooses the events of a
    piece in C major on a grid of eighth notes. Each pays what the note model thinks of it and what
    the rules pay, so that the agent has to keep the rules and stay likely.

    The rules as published are gamed within a minute of training: they pay for each leap that is
    resolved, so two notes bounce through the whole piece, and all of the published statistics
    look well. `rules="repaired"` holds the same statistics without that; `"published"` is there
    to show it.

    ## Action space

    `Discrete(38)`: 0 hold (what sounds goes on), 1 off, 2..37 begin MIDI pitch 48..83 (C3 to B5).

    ## Observation space

    `Box(-10, 10, (377,), float32)`

    | index | name | about |
    | --- | --- | --- |
    | 0-37 | log_prob_* | of each event, by the note model [nats] |
    | 38-165 | hidden_* | what the note model remembers |
    | 166-201 | last_* | the last note, one of 36 |
    | 202-237 | count_* | how often each pitch was begun, halved |
    | 238-273 | recent_* | 1: begun within the last seven steps |
    | 274-311 | ago_8_* | the event a bar ago, one of 38 |
    | 312-349 | ago_16_* | the event two bars ago |
    | 350-357 | place_* | place in the bar |
    | 358-361 | bar_* | bar of the piece |
    | 362-363 | alike_* | bars for which events have been those of one and two bars ago |
    | 364-366 | autocorrelation_* | of the events so far, at lags 1 to 3 |
    | 367 | leapt | direction of the last interval if it was a leap (a fifth or more), else 0 |
    | 368 | leap_direction | of a leap that is not resolved yet, else 0 |
    | 369 | from_leap | octaves from where it leapt |
    | 370-371 | since_leap, leaps | bars since the last leap; leaps so far, halved |
    | 372-373 | holds, rests | since the last note, in half notes and in pairs |
    | 374-375 | same, spaced | how often the last note was begun in a row, / 4; 1: with gaps |
    | 376 | repeats | steps that ended a repeated motif, / 4 |

    ## Reward

    The sum of ten terms, each also in `info`; each has a weight of its own, 1 unless set. Repaired:

    | term | is |
    | --- | --- |
    | note_model | log-probability of the event under the note model [nats] |
    | key | -3 for a note outside C major |
    | tonic | 2 if the first event is a C; up to 12 for an end on C: a cadence, on a beat, long |
    | repeats | -5 for an event that is excessively repeated |
    | motif | -2.5 where the last bar has less than three different pitches |
    | repeated_motif | 3 for each of three steps that complete a bar heard before, then -2 |
    | intervals | -1 for a tritone, a seventh, or more than an octave |
    | leaps | two pay: 2.5 (last bar 0), a step back 1, else -1, resolved 2; more -2, doubled -3 |
    | autocorrelation | -8 x its excess over 0.2 at lags 1 to 3, as it changes |
    | extremes | 1 while the highest note is unique, and for the lowest one, as it changes |

    Published amounts, and what each detector finds, are in `rules` and `listening`.

    ## Starting state

    The note before the piece, for the note model alone, drawn as often as notes come before
    phrases in its tunes. The splits draw from different numbers.

    ## Episode end

    Termination after 32 steps, four bars. The last `info` holds the statistics of RL Tuner's
    Table 1 for the piece (`statistics.Statistics.of`), and `log_prob`, its mean an event.

    ## Arguments

    `rules` (repaired, published), `split` (train, validation, test), `model` (note model), and
    weights: `note_model_weight`, `key_weight`, `tonic_weight`, ..., one for each term.

    ```python
    env = gym.make("segue.envs:segue/Melody-v0", rules="published")
    envs = gym.make_vec("segue.envs:segue/Melody-v0", num_envs=256)
    ```

    ## Version history

    * v0: first.
    """

    core_class = MelodyCore


class MelodyVectorEnv(VectorForm):
    """`segue/Melody-v0`, n at once; its manual is that of `MelodyEnv`."""

    core_class = MelodyCore
