"""Threads: what a long call leaves to other Python threads, and two calls at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import native
import wazero
from goal_limits import instantiate, timed
from measure import Goal, Report, winners

ITERATIONS = 1_000_000_000


class Counter:
    """A Python thread that counts while something else runs."""

    def __init__(self) -> None:
        self.stopped = False
        self.speed = 0.0

    def count(self) -> None:
        number, start = 0, time.perf_counter()
        while not self.stopped:
            number += 1
        self.speed = number / (time.perf_counter() - start)

    def during(self, call: Callable[[], object]) -> tuple[float, float]:
        """Counts in a second, and the seconds that the call took."""
        self.stopped = False
        thread = threading.Thread(target=self.count)
        thread.start()
        took = timed(call)
        self.stopped = True
        thread.join()
        return self.speed, took


def in_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def beside_python(report: Report) -> None:
    """The main thread looks for Ctrl-C during a call and needs the GIL for it; others
    do not."""
    total = instantiate().exports.sum
    total(1000)

    def work() -> None:
        total(ITERATIONS)

    counter = Counter()
    counting: dict[str, list[float]] = {"alone": [], "main": [], "other": []}
    working: dict[str, list[float]] = {"alone": [], "main": [], "other": []}
    for _ in range(5):
        working["alone"].append(timed(work))
        counting["alone"].append(counter.during(lambda: time.sleep(0.5))[0])
        for name, call in ("main", work), ("other", lambda: in_thread(work)):
            speed, took = counter.during(call)
            counting[name].append(speed)
            working[name].append(took)
    report.heading("a long call, and a Python thread that counts")
    for name, text in ("main", "in the main thread"), ("other", "in another thread"):
        share = max(counting[name]) / max(counting["alone"])
        goal = Goal("at least a third", share >= 1 / 3)
        report.line(f"  the call {text}: Python's speed", f"{share:.0%}", goal=goal)
        share = min(working["alone"]) / min(working[name])
        goal = Goal("at least 80 %", share >= 0.8)
        report.line(f"  the call {text}: wasm's speed", f"{share:.0%}", goal=goal)


def two_threads(report: Report) -> None:
    runtime = wazero.Runtime()
    wasm = native.WASM.read_bytes()
    imports = {"env": {"host": lambda value: value}}
    totals = [runtime.instantiate(wasm, imports=imports).exports.sum for _ in range(2)]

    def run(count: int) -> None:
        threads = [
            threading.Thread(target=total, args=(ITERATIONS,))
            for total in totals[:count]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    took = winners(
        {"one": lambda: timed(lambda: run(1)), "two": lambda: timed(lambda: run(2))}, 5
    )
    report.heading("two threads in wasm, each in an instance of its own")
    report.line(
        "  speed of the two over that of one", "", 2 * took["one"] / took["two"]
    )
