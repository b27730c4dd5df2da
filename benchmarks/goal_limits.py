"""Time limits: what a loop costs with one, and how late a call ends."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from random import Random

import native
import wazero
from measure import Goal, Report, at_least, at_most, race, readable

# Long enough for the start of a call, and of the watchdog, not to count.
ITERATIONS = 300_000_000

# A call that goes on for so many seconds beyond its deadline counts as missed.
PATIENCE = 5


def instantiate() -> wazero.Module:
    return wazero.Runtime().instantiate(
        native.WASM.read_bytes(), imports={"env": {"host": lambda value: value}}
    )


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def loop(report: Report) -> None:
    total = instantiate().exports.sum
    total(1000)
    took = race(
        {
            "with": lambda: timed(lambda: total(ITERATIONS, timeout=60)),
            "without": lambda: timed(lambda: total(ITERATIONS)),
        },
        9,
    )
    ours, plain = min(took["with"]), min(took["without"])
    report.heading("a loop with a timeout", readable(ours))
    report.beside("without", ours, plain, at_most(round(ours / plain, 3), 1.02))
    pairs = [a / b for a, b in zip(took["with"], took["without"], strict=True)]
    report.line(
        "  the median of the ratios, pair by pair", "", statistics.median(pairs)
    )


class Spinner:
    """A function that runs for ever, and a thread that ends it if nothing else does."""

    def __init__(self) -> None:
        self.module = instantiate()
        self.spin = self.module.exports.spin
        self.give_up_at: float | None = None
        threading.Thread(target=self.guard, daemon=True).start()

    def guard(self) -> None:
        while True:
            time.sleep(0.5)
            at = self.give_up_at
            if at is not None and time.perf_counter() > at:
                self.module.interrupt()

    def lateness(self, timeout: float) -> float | None:
        """By how much a call is late; None if it did not end."""
        start = time.perf_counter()
        self.give_up_at = start + timeout + PATIENCE
        try:
            self.spin(timeout=timeout)
        except wazero.Timeout:
            return time.perf_counter() - start - timeout
        except wazero.Interrupted:
            return None
        finally:
            self.give_up_at = None
        return None


def deadlines(report: Report) -> None:
    spinner, random = Spinner(), Random(1)
    tries = [spinner.lateness(random.uniform(0.001, 0.010)) for _ in range(1000)]
    late = sorted(value for value in tries if value is not None)
    missed = len(tries) - len(late)
    in_time = sum(value <= 0.020 for value in late)
    report.heading("1,000 deadlines of 1 to 10 ms, over a loop without an end")
    goal = at_least(in_time, 990)
    report.line("  seen within 20 ms", f"{in_time}", goal=goal)
    report.line("  missed", f"{missed}", goal=Goal("none", missed == 0))
    if late:
        report.line("  lateness: the least", readable(late[0]))
        for name, part in ("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999):
            value = late[min(len(late) - 1, int(part * len(late)))]
            report.line(f"  lateness: {name}", readable(value))
        report.line("  lateness: the most", readable(late[-1]))
