"""A student learns from a teacher that knows more: DAgger.

S. Ross, G. Gordon and D. Bagnell, "A reduction of imitation learning and structured prediction to
no-regret online learning", AISTATS 2011. The teacher sees the hidden listener and the true future
(a core made with `known_listener` and `lookahead_bars`); the student, who acts more and more
itself, learns what the teacher would have done wherever it gets to. It ends below what it could
reach: it learns the mean of what a teacher would do for all listeners and futures that may be,
which is not what is best for one who does not know.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...envs.arrange.core import ArrangeCore


@dataclass(frozen=True)
class DaggerSettings:
    """Hyper-parameters."""

    rounds: int = 40  # of all episodes of the core
    batches: int = 60  # of learning after each
    batch_size: int = 1024
    learning_rate: float = 1e-3  # falls to 0 over the run
    first_share: float = 0.9  # of decisions that are the teacher's in the first round
    teacher_rounds: int = 5  # after which none is
    seed: int = 0


def distil(
    student: nn.Module,
    teacher: nn.Module,
    core: ArrangeCore,
    teachers: ArrangeCore,
    settings: DaggerSettings,
    on_round: Callable[[int, float], None] = lambda number, error: None,
) -> None:
    """Train a student in place, observations [shape=(n, D)] to actions [n, 9], as the teacher acts.

    :param teacher: acts on what `teachers` shows
    :param core: of the training split, as the student sees it
    :param teachers: the same as the teacher sees it; both play the same episodes
    :param on_round: told the round, from 1, and the mean squared difference in the actions
    """
    rng = np.random.default_rng(settings.seed)
    torch.manual_seed(settings.seed)
    optimiser = torch.optim.Adam(student.parameters(), lr=settings.learning_rate)
    steps = settings.rounds * settings.batches
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda at: 1.0 - at / steps)
    seen: list[Tensor] = []
    told: list[Tensor] = []
    for number in range(settings.rounds):
        share = settings.first_share * max(0.0, 1.0 - number / settings.teacher_rounds)
        _play(student, teacher, core, teachers, int(rng.integers(2**31)), share, seen, told)
        observations, labels = torch.cat(seen), torch.cat(told)
        error = 0.0
        for _ in range(settings.batches):
            rows = torch.randint(len(labels), (settings.batch_size,))
            loss = nn.functional.mse_loss(student(observations[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            error += float(loss.detach()) / settings.batches
        on_round(number + 1, error)


@torch.no_grad()
def _play(
    student: nn.Module,
    teacher: nn.Module,
    core: ArrangeCore,
    teachers: ArrangeCore,
    seed: int,
    share: float,
    seen: list[Tensor],
    told: list[Tensor],
) -> None:
    """Play all episodes once; add what was seen, and what the teacher would have done."""
    rng = np.random.default_rng([seed, 1])
    observation = core.reset(np.random.default_rng(seed))
    revealed = teachers.reset(np.random.default_rng(seed))
    over = False
    while not over:
        given = torch.from_numpy(core.present(observation))
        label = teacher(torch.from_numpy(core.present(revealed))).clamp(-1.0, 1.0)
        seen.append(given)
        told.append(label)
        by_teacher = torch.from_numpy(rng.random((core.n, 1)) < share)
        action = core.accept(torch.where(by_teacher, label, student(given)).numpy())
        observation, _, over, _ = core.step(action)
        revealed, _, _, _ = teachers.step(action)
