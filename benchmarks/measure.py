"""Timing, and the lines that are printed.

What is compared takes turns, round after round, so that a machine that is busy for a
while is busy for all of it, and the best round counts: what the code can do, not what
else the machine was doing.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ROUNDS = 30


def best(
    function: Callable[[], object], repeats: int = 7, least: float = 0.05
) -> float:
    """Seconds of one call, the best of some repeats."""
    timer = timeit.Timer(function)
    number = 1
    while (took := timer.timeit(number)) < least:
        number = max(number + 1, int(number * least / max(took, 1e-9)))
    return min(timer.repeat(repeats, number)) / number


def statement(text: str, /, **names: object) -> Callable[[], float]:
    """For `race`: the seconds of a statement, timeit's loop included."""
    timer = timeit.Timer(text, globals=names)
    number = 1
    while timer.timeit(number) < 0.01:
        number *= 2
    return lambda: timer.timeit(number) / number


def race(
    entrants: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """What each entrant returns in each round."""
    took: dict[str, list[float]] = {name: [] for name in entrants}
    for _ in range(rounds):
        for name, entrant in entrants.items():
            took[name].append(entrant())
    return took


def winners(
    entrants: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, float]:
    """The least that each entrant returns."""
    return {name: min(took) for name, took in race(entrants, rounds).items()}


def readable(seconds: float) -> str:
    for unit, size in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if abs(seconds) < 1000 * size:
            return f"{seconds / size:8.1f} {unit}"
    return f"{seconds:8.2f} s "


@dataclass(frozen=True)
class Goal:
    """What a measurement should be, and whether it is."""

    text: str
    met: bool


def at_most(value: float, limit: float, unit: str = "") -> Goal:
    return Goal(f"at most {limit:g}{unit}", value <= limit)


def below(value: float, limit: float, unit: str = "") -> Goal:
    return Goal(f"below {limit:g}{unit}", value < limit)


def at_least(value: float, limit: float, unit: str = "") -> Goal:
    return Goal(f"at least {limit:g}{unit}", value >= limit)


@dataclass
class Report:
    """Prints lines, and remembers the goals that were missed."""

    missed: list[str] = field(default_factory=list)
    subject: str = ""

    def heading(self, name: str, value: str = "", goal: Goal | None = None) -> None:
        """What the lines after it are about."""
        print()
        self.subject = name
        self.line(name, value, goal=goal)

    def line(
        self,
        name: str,
        value: str = "",
        ratio: float | None = None,
        goal: Goal | None = None,
    ) -> None:
        """A number, or how many times as long the subject takes."""
        digits = 2 if ratio is None or ratio >= 0.1 else 4
        times = "" if ratio is None else f"{ratio:.{digits}f} x"
        verdict = ""
        if goal:
            verdict = f"{goal.text}: {'met' if goal.met else 'MISSED'}"
            if not goal.met:
                where = "" if name == self.subject else f"; {name.strip()}"
                said = times or value.strip()
                self.missed.append(f"{self.subject}{where}: {said}, {goal.text}")
        print(f"{name:<48}{value:>12}{times:>10}   {verdict}".rstrip(), flush=True)

    def beside(
        self, name: str, ours: float, theirs: float, goal: Goal | None = None
    ) -> None:
        """The subject's seconds over those of something else."""
        self.line(f"  {name}", readable(theirs), ours / theirs, goal)
