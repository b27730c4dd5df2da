"""What docs/cli.md says: its examples are run, its flags compared with the usages."""

import os
import pathlib
import re
import subprocess
import sysconfig

import pytest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "cli.md"
TEXT = PAGE.read_text(encoding="utf-8")


def examples():
    """Command lines with what they print, in their order."""
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            lines = part.splitlines(keepends=True)
            end = 1
            while end < len(lines) and lines[end].startswith("> "):
                end += 1
            command = "".join(line.removeprefix("> ") for line in lines[:end])
            yield command, "".join(lines[end:])


def test_examples(tmp_path):
    scripts = sysconfig.get_path("scripts")
    environment = os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}"}
    count = 0
    for command, output in examples():
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert done.stdout == output.replace("$PWD", str(tmp_path)), command
        count += 1
    assert count > 8


@pytest.mark.parametrize("command", ["call", "compile", "inspect", "run"])
def test_flags(main, command):
    """Every flag is on the page, and no other."""
    flags = set(re.findall(r"^  (-[a-z-]+)", main(command, "-h").err, re.M))
    assert flags
    assert {flag for flag in flags if f"`{flag}" not in TEXT} == set()
    table = TEXT.partition("| flag |")[2].partition("\n\n")[0]
    if command == "run":
        assert set(re.findall(r"^\| `(-[a-z-]+)", table, re.M)) == flags - {"-h"}
