"""Runs in the guest: one of CPython's test modules, from a test on.

    guest.py FOLDER-WITH-test MODULE FIRST

Tells when each test begins and how it ends, in lines that begin with MARK.
"""

import json
import os
import sys
import unittest

MARK = "@@"
folder, name, first = sys.argv[1:]
sys.path.append(folder)
os.chdir("/work")

from test.support import os_helper  # noqa: E402

# CPython's tests make links with absolute targets, which WASI's C library refuses, so
# they leave out all tests with links in WASI. Relative targets do.
os_helper._can_symlink = True
os_symlink = os.symlink


def symlink(src, dst, target_is_directory=False, *, dir_fd=None):
    if isinstance(src, str) and isinstance(dst, str) and os.path.isabs(src):
        src = os.path.relpath(src, os.path.dirname(os.path.abspath(dst)))
    return os_symlink(src, dst, target_is_directory, dir_fd=dir_fd)


os.symlink = symlink


def say(*what):
    print(f"\n{MARK}{json.dumps(what)}", flush=True)


def describe(error):
    """What can be compared: messages have names in them that are made up."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{type(error).__name__} {error.errno}"
    return type(error).__name__


class Result(unittest.TestResult):
    def startTest(self, test):
        say("begin", test.id())

    def addSuccess(self, test):
        say("end", test.id(), "passed")

    def addSkip(self, test, reason):
        say("end", test.id(), f"skipped: {reason}")

    def addFailure(self, test, error):
        say("end", test.id(), f"failed: {describe(error[1])}")

    def addError(self, test, error):
        say("end", test.id(), f"failed: {describe(error[1])}")

    def addSubTest(self, test, subtest, error):
        if error:
            say("end", test.id(), f"failed: {describe(error[1])}")

    def addExpectedFailure(self, test, error):
        say("end", test.id(), "failed as expected")

    def addUnexpectedSuccess(self, test):
        say("end", test.id(), "passed unexpectedly")


def flat(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from flat(one)
        else:
            yield one


def is_left_out(test):
    """What says nothing of WASI: the classes Py... test _pyio, which takes minutes;
    deep recursion ends the guest, whose C stack is small; decoders are tried at each
    place of a text."""
    method = test.id().rpartition(".")[2]
    return (
        type(test).__name__.startswith("Py")
        or method.endswith("recursion_limit")
        or method in ("test_glob_dotdot", "test_glob_many_open_files")
        or method == "test_seek_and_tell"
    )


tests = [
    test
    for test in flat(unittest.defaultTestLoader.loadTestsFromName(f"test.{name}"))
    if not is_left_out(test)
]
unittest.TestSuite(tests[int(first) :])(Result())
say("all", len(tests))
