"""The command line: `wazero run`, as wazero's own command spells it, and more.

This file finds the subcommand; each has a file, imported when it is asked for. Whoever
types a command waits for Python to start already, so nothing here imports argparse, re,
enum, dataclasses or signal: tests/python/test_cli.py looks at what is imported.
"""

from __future__ import annotations

import sys

from wazero.cli._flags import FlagSet
from wazero.cli._signals import default_signals

USAGE = """\
wazero CLI

Usage:
  wazero <command>

Commands:
  compile\tPre-compiles a WebAssembly binary
  run\t\tRuns a WebAssembly binary
  version\tDisplays the version of wazero CLI
"""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    default_signals()
    flags = FlagSet(sys.argv[0])
    help = flags.switch("h", "Prints usage.")
    args = flags.parse(sys.argv[1:] if argv is None else argv)
    if help.value or not args:
        sys.stderr.write(USAGE)
        return 0
    command, *rest = args
    if command == "run":
        from wazero.cli._run import main as run

        return run(rest)
    if command == "compile":
        from wazero.cli._compile import main as compile

        return compile(rest)
    if command == "version":
        from wazero import engine_version

        print(engine_version())
        return 0
    sys.stderr.write("invalid command\n" + USAGE)
    return 1
