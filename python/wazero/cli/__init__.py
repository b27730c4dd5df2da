"""The command line: `wazero run`, as wazero's own command spells it, and more.

This file finds the subcommand; each has a file, imported when it is asked for. Whoever
types a command waits for Python to start already, so nothing here imports argparse, re,
enum, dataclasses or signal: tests/python/test_cli.py looks at what is imported.
"""

from __future__ import annotations

import os
import sys

from wazero.cli._flags import FlagSet
from wazero.cli._signals import default_signals
from wazero.cli._text import Failure, answer, complain

USAGE = """\
wazero CLI

Usage:
  wazero <command>

Commands:
  call\t\tCalls a function of a WebAssembly binary
  compile\tPre-compiles a WebAssembly binary
  inspect\tShows what a WebAssembly binary declares
  run\t\tRuns a WebAssembly binary
  version\tDisplays the version of wazero CLI
"""


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Raises SystemExit where the exit code is that of -h and of wrong flags.
    """
    default_signals()
    _open_standard_streams()
    flags = FlagSet(sys.argv[0])
    help = flags.switch("h", "Prints usage.")
    args = flags.parse(sys.argv[1:] if argv is None else argv)
    if args[:1] == ["help"]:  # of one command, or of all
        args = [*args[1:2], "-h"] if args[1:] else []
    if help.value or not args:
        complain(USAGE)
        return 0
    try:
        return _command(*args)
    except Failure as failure:
        complain(f"{failure}\n")
        return 1


def _command(command: str, *args: str) -> int:
    if command == "run":
        from wazero.cli._run import main as run

        return run(args)
    if command == "compile":
        from wazero.cli._compile import main as compile

        return compile(args)
    if command == "version":
        from wazero import engine_version

        answer(f"{engine_version()}\n")
        return 0
    if command == "inspect":
        from wazero.cli._inspect import main as inspect

        return inspect(args)
    if command == "call":
        from wazero.cli._call import main as call

        return call(args)
    complain("invalid command\n" + USAGE)
    return 1


def _open_standard_streams() -> None:
    """Puts /dev/null where a standard stream is closed, as Go does for its programs.

    Else the next file that is opened would take its number: the guest would write its
    output into a file of the host's.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
