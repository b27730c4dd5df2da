"""Doing something again until it has worked.

An interrupt is about the call that runs: one that comes before the call has begun ends
nothing, and on a machine that is busy it may come that early.
"""

import threading


class Again:
    """Does it in another thread, after `seconds` and from then on as often, until this
    is left."""

    def __init__(self, action, seconds=0.05):
        self.action, self.seconds = action, seconds
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        while not self.ended.wait(self.seconds):
            self.action()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
