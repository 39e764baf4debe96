"""`segue/Accompany-v0` as Gymnasium offers it; what happens in it is in `core`."""

from ..forms import SingleEnv, VectorForm
from .core import AccompanyCore


class AccompanyEnv(SingleEnv):
    """Play chords to a melody while it is being played, without knowing how it goes on.

    ## Description

    A soloist plays; an agent accompanies, an eighth note (a frame) at a time. Before each frame it
    chooses the chord that will sound, knowing the melody up to the frame before, its own chords and
    the place in the bar. This is the setting of ReaLchords (Wu et al., "Adaptive Accompaniment with
    ReaLchords", ICML 2024).

    What makes it hard: a model that has learned what chords people play loses its way among its own
    chords (exposure bias) and does not follow a soloist who changes key; an agent that is paid for
    chord tones alone finds ways to be paid that nobody wants to hear, such as chords of four notes
    everywhere, one chord for all, or a new chord on every note. So the reward counts root, third
    and fifth only, and the measures tell all of these (`envs.accompany.measures`).

    The melody does not hear the chords: what would have been earned by other chords is known
    afterwards.

    ## Action space

    `Discrete(109)`: the chord of the coming frame; the same one again holds it. `quality * 12 +
    root` with roots from C up and the qualities major, minor, diminished, augmented, sus2, sus4,
    seventh, major seventh, minor seventh; 108 is no chord. See `envs.accompany.chords`.

    ## Observation space

    `Box(-10, 10, (226,), float32)`. Blocks have a number for each pitch class from C up.

    | index | name | unit | about |
    | --- | --- | --- | --- |
    | 0-47 | sounding_1 .. sounding_4 | 0, 1 | what sounded one to four frames ago |
    | 48-59 | onset | 0, 1 | the note that began in the last frame |
    | 60-95 | heard_1_beats, _4_, _16_ | 0..1 | shares of what sounded; half-lives 1, 4, 16 beats |
    | 96-203 | own_* | 0, 1 | the last chord, a block of roots for each quality |
    | 204 | rest | 0, 1 | the melody is silent |
    | 205 | pitch | 2 octaves | of the last note, above F#4 |
    | 206 | note_age | log2(1 + frames) / 7 | since the last note or rest began |
    | 207-218 | place | 0, 1 | of the coming frame within its bar, one-hot |
    | 219-222 | bar | 0, 1 | bars of 4, 6, 8 or other numbers of frames |
    | 223 | none | 0, 1 | no chord sounds |
    | 224 | begun | 0, 1 | a frame has been played |
    | 225 | held | log2(1 + frames) / 7 | how long the last chord has sounded |

    With `tell_prior`, 109 log-probabilities of the coming chord follow, as the shipped model of
    played chords gives them, not below -10.

    ## Reward

    The sum of six terms, each also in `info`:

    | term | is |
    | --- | --- |
    | chord_tone | 1 if the melody sounds and its note is root, third or fifth of the chord |
    | change | -0.1 where the chord changes |
    | flicker | -0.2 where a chord is left after a single frame |
    | hold | -0.1 for each frame of a chord beyond 16 beats |
    | silence | -0.5 for a frame without a chord while the melody sounds |
    | prior | weight x log-probability under the model of played chords, nats; weight 0 unless set |

    With `prior_weight` b, an algorithm whose entropy bonus is b too maximises the other terms less
    b x the KL divergence from that model; without the bonus, holding one chord would pay.

    ## Starting state

    A clip of 64 beats that begins with a bar: in training from anywhere in a song, transposed by -5
    to +6 semitones; in the other splits one of a fixed list, as written.

    ## Episode end

    Truncation after 128 frames; there is no terminal state.

    ## Arguments

    `corpus` (`themes`: melodies that Segue composes, always there; `pop909` and `nottingham`, or
    `pop909+nottingham`: data sets found in the folder that SEGUE_DATA names), `split` (train,
    validation, test; by song), `chord_weight`, `change_weight`, `flicker_weight`, `hold_weight`,
    `longest_hold_beats`, `silence_weight`, `prior_weight`, `tell_prior`, `shift_semitones` and
    `shift_beat` (the melody is transposed from that beat on: does the agent follow?). See
    `AccompanySettings`. Results are reported on `corpus="pop909+nottingham"`.

    ```python
    env = gym.make("segue.envs:segue/Accompany-v0", tell_prior=True, prior_weight=0.05)
    envs = gym.make_vec("segue.envs:segue/Accompany-v0", num_envs=64, split="validation")
    ```

    ## Version history

    * v0: first.
    """

    core_class = AccompanyCore


class AccompanyVectorEnv(VectorForm):
    """`segue/Accompany-v0`, n at once; its manual is that of `AccompanyEnv`."""

    core_class = AccompanyCore
