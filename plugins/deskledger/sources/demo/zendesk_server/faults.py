"""How the server misbehaves: a plan by seed and number of the request, the same every time."""

import random
from dataclasses import dataclass
from typing import Literal

Fault = Literal["limited", "broken", "slow", "cut", "repeated"]
MOST_IN_A_ROW = 3  # of the same question: a desk that never answers is no test of patience


@dataclass(frozen=True)
class Faults:
    """`share` of all answers (0 to 1) are none, or bad: `kinds` in turn of chance. Waits are in seconds."""

    share: float = 0.0
    seed: int = 1
    kinds: tuple[Fault, ...] = ("limited", "broken", "slow", "cut", "repeated")
    retry_after: int = 1
    slowness: float = 0.02

    def of(self, number: int, in_a_row: int) -> Fault | None:
        """The fault of the request of this number; `in_a_row` are those that its question met just before."""
        if in_a_row >= MOST_IN_A_ROW:
            return None
        chance = random.Random(f"{self.seed}:{number}")
        return chance.choice(self.kinds) if chance.random() < self.share else None
