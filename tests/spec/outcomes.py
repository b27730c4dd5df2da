"""What came of the commands of the suite, compared with the exceptions that are known,
and counted."""

import tomllib
from collections import Counter
from pathlib import Path

EXCEPTIONS = tomllib.loads(
    Path(__file__).with_name("exceptions.toml").read_text(encoding="utf-8")
).get("exception", [])


def exceptions(through, folder, name):
    """The lines of a file that do something else through "python" or "c"."""
    return {
        line
        for entry in EXCEPTIONS
        if (entry["folder"], entry["file"]) == (folder, name)
        if through in entry.get("through", ["python", "c"])
        for line in entry["lines"]
    }


class Tally:
    """The numbers that are printed at the end: for each way through the API."""

    def __init__(self):
        self.counts = {}

    def add(self, way, folder, name, steps, failures):
        """Counts the steps of a file; failures maps the lines of those that failed to
        what they did. The result says what is wrong, a line for each."""
        known = exceptions(way.split()[0].lower(), folder, name)
        counts = self.counts.setdefault(way, Counter())
        counts["files"] += 1
        counts["commands"] += len(steps)
        counts["text"] += sum(step.do == "nothing" for step in steps)
        counts["failed"] += len(failures.keys() - known)
        counts["exceptions"] += len(failures.keys() & known)
        wrong = {line: text for line, text in failures.items() if line not in known}
        wrong |= dict.fromkeys(known - failures.keys(), "this is no exception any more")
        wrong |= dict.fromkeys(
            known - {step.line for step in steps}, "this exception is no command"
        )
        return [f"{folder}/{name}.wast:{line}: {text}" for line, text in wrong.items()]

    def lines(self):
        for way, counts in sorted(self.counts.items()):
            passed = counts["commands"] - counts["failed"] - counts["exceptions"]
            yield (
                f"{way}: {counts['commands']} commands of {counts['files']} files: "
                f"{passed} passed, {counts['failed']} failed, "
                f"{counts['exceptions']} exceptions; of those that passed "
                f"{counts['text']} had nothing to do"
            )
