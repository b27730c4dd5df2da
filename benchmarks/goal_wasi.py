"""What WASI costs: libwazero's beside wazero's own, in a small guest and in CPython,
and an empty call beside an empty host function of C's."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import native
import packages
import wasmtime
import wazero
from measure import Report, at_most, below, readable, winners

KINDS: tuple[Literal["libwazero", "wazero"], ...] = ("libwazero", "wazero")
ENTRIES = 5000
JAILED = "stat, five deep"

EMPTY = """
(module
  (import "env" "nothing" (func $nothing (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (func (export "host") (param $n i32)
    (loop $again (drop (call $nothing))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "wasi") (param $n i32)
    (loop $again (drop (call $yield))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
"""


def loop(name: str, *calls: str) -> str:
    """An export that makes calls in a loop, and traps when one of them fails."""
    body = "\n".join(f"(if (call {call}) (then unreachable))" for call in calls)
    return f"""
  (func (export "{name}") (param $n i32)
    (loop $again {body}
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"""


OPEN = (
    "$path_open (i32.const 3) (i32.const 1) {path} (i32.const 0) (i64.const 2)"
    " (i64.const 0) (i32.const 0) (i32.const 64)"
)
STAT = "$path_filestat_get (i32.const 3) (i32.const 1) {path} (i32.const 512)"
OPENED = "(i32.load (i32.const 64))"
SHALLOW = "(i32.const 256) (i32.const 4)"
DEEP = "(i32.const 264) (i32.const 18)"

SMALL = f"""
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open
    (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get
    (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read
    (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write
    (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $pread
    (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir
    (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock
    (param i32 i64 i32) (result i32)))
  (memory (export "memory") 16)
  (data (i32.const 256) "file")
  (data (i32.const 264) "a/b/c/d/deep/file2")
  ;; vectors: 4,096 bytes, and 16
  (data (i32.const 128) "\\00\\10\\00\\00\\00\\10\\00\\00")
  (data (i32.const 136) "\\00\\10\\00\\00\\10\\00\\00\\00")
  (func (export "prepare") (result i32)
    (if (call {OPEN.format(path=SHALLOW)}) (then unreachable))
    (i32.load (i32.const 64)))
  {loop("stat", STAT.format(path=SHALLOW))}
  {loop("stat, five deep", STAT.format(path=DEEP))}
  {
    loop(
        "open, read, close",
        OPEN.format(path=SHALLOW),
        f"$read {OPENED} (i32.const 128) (i32.const 1) (i32.const 72)",
        f"$close {OPENED}",
    )
}
  {
    loop(
        "pread of 4,096 bytes",
        "$pread (i32.const 4) (i32.const 128) (i32.const 1)"
        " (i64.const 0) (i32.const 72)",
    )
}
  {
    loop(
        "fd_write of 16 bytes",
        "$write (i32.const 1) (i32.const 136) (i32.const 1) (i32.const 72)",
    )
}
  {loop("clock_time_get", "$clock (i32.const 1) (i64.const 1) (i32.const 72)")}
  (func (export "scandir") (param $n i32) (local $cookie i64)
    (loop $again
      (local.set $cookie (i64.const 0))
      (loop $more
        (if (call $readdir (i32.const 5) (i32.const 65536) (i32.const 65536)
              (local.get $cookie) (i32.const 72)) (then unreachable))
        (local.set $cookie (i64.add (local.get $cookie) (i64.const 1000)))
        (br_if $more (i64.lt_u (local.get $cookie) (i64.const {ENTRIES}))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "opendir") (result i32)
    (if (call $path_open (i32.const 3) (i32.const 1) (i32.const 272) (i32.const 4)
          (i32.const 2) (i64.const 0x4000) (i64.const 0) (i32.const 0) (i32.const 64))
      (then unreachable))
    (i32.load (i32.const 64))))
"""

# Each name with how often it is done in a round.
ROWS = {
    "stat": 3000,
    "stat, five deep": 3000,
    "open, read, close": 1000,
    "pread of 4,096 bytes": 3000,
    "fd_write of 16 bytes": 3000,
    "clock_time_get": 20000,
    "scandir": 3,
}

# In CPython: the statement that is repeated; each prints how long one takes.
IN_PYTHON = {
    "stat": "os.stat('/file')",
    "stat, five deep": "os.stat('/a/b/c/d/deep/file2')",
    "open, read, close": "f = os.open('/file', flags); os.read(f, 4096); os.close(f)",
    "scandir": "list(os.scandir('/deep'))",
    "pread of 4,096 bytes": "os.pread(fd, 4096, 0)",
    "fd_write of 16 bytes": "os.write(out, b'0123456789abcdef')",
    "clock_time_get": "time.monotonic_ns()",
}
SCRIPT = """
import os, sys, time
flags = os.O_RDONLY
fd = os.open('/file', flags)
out = os.open('/out', os.O_WRONLY | os.O_CREAT)
for name, statement, count in {rows!r}:
    code = compile("for _ in range(%d): " % count + statement, name, "exec")
    best = 1e9
    for _ in range(5):
        start = time.monotonic_ns()
        exec(code)
        best = min(best, time.monotonic_ns() - start)
    print(name, best / count / 1e9, sep="\\t")
"""


def make_folder(folder: Path) -> None:
    """What the guests look at."""
    (folder / "file").write_bytes(bytes(4096))
    (folder / "a/b/c/d/deep").mkdir(parents=True)
    (folder / "a/b/c/d/deep/file2").write_bytes(b"")
    (folder / "deep").mkdir()
    for i in range(ENTRIES):
        (folder / "deep" / f"entry-{i:05}").write_bytes(b"")


def empty_call(report: Report) -> None:
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(wasmtime.wat2wasm(EMPTY))
        file.flush()
        took = native.results(native.program_in_c("wasi.c"), argument=file.name)
    ours, host = took["wasi"] * 1e-9, took["host"] * 1e-9
    report.heading("WASI: an empty call from wasm", readable(ours))
    report.beside("an empty host function in C", ours, host, at_most(ours / host, 1.5))


def in_a_small_guest(report: Report) -> None:
    with tempfile.TemporaryDirectory() as name, wazero.Runtime() as runtime:
        folder = Path(name)
        make_folder(folder)
        compiled = runtime.compile(wasmtime.wat2wasm(SMALL))
        entrants: dict[str, Callable[[], float]] = {}
        opened = []
        for kind in KINDS:
            file: Any = open(folder / f"out-{kind}", "wb", 0)  # noqa: SIM115
            opened.append(file)
            guest = compiled.instantiate(
                mounts={"/": folder},
                stdout=file,
                nanotime="system",
                wasi=kind,
            )
            assert guest.call("prepare") == 4
            assert guest.call("opendir") == 5
            for row, count in ROWS.items():
                entrants[f"{row}\0{kind}"] = functools.partial(
                    timed, guest.exports[row], count
                )
        took = winners(entrants, 15)
        for file in opened:
            file.close()
    beside_wazeros(report, "small guest", ROWS, took)


def on_an_overlay(report: Report) -> None:
    """What is below a MemoryFS, beside the folder itself: there is no goal."""
    rows = ("stat", JAILED, "open, read, close", "scandir")
    with tempfile.TemporaryDirectory() as name, wazero.Runtime() as runtime:
        make_folder(Path(name))
        compiled = runtime.compile(wasmtime.wat2wasm(SMALL))
        entrants: dict[str, Callable[[], float]] = {}
        guests = []
        for kind, mount in (("overlay", wazero.Overlay(name)), ("folder", name)):
            guest = compiled.instantiate(mounts={"/": mount})
            guests.append(guest)
            assert guest.call("prepare") == 4
            assert guest.call("opendir") == 5
            for row in rows:
                entrants[f"{row}\0{kind}"] = functools.partial(
                    timed, guest.exports[row], ROWS[row]
                )
        took = winners(entrants, 15)
    for row in rows:
        ours, theirs = took[f"{row}\0overlay"], took[f"{row}\0folder"]
        report.heading(f"WASI, on an overlay: {row}", readable(ours))
        report.beside("on the folder itself", ours, theirs)


def timed(function: Callable[[int], object], count: int) -> float:
    """Seconds of one of so many."""
    start = time.perf_counter()
    function(count)
    return (time.perf_counter() - start) / count


def beside_wazeros(
    report: Report, where: str, rows: Any, took: dict[str, float]
) -> None:
    for row in rows:
        ours, theirs = (took[f"{row}\0{kind}"] for kind in KINDS)
        report.heading(f"WASI, {where}: {row}", readable(ours))
        # The jail costs as much as it saves, where wazero's only asks the system.
        goal = None if row == JAILED else below(ours / theirs, 1)
        report.beside("wazero's own", ours, theirs, goal)


def in_cpython(report: Report) -> None:
    wasm = packages.installed("CPython 3.12")
    rows = [
        (name, statement, 3 if name == "scandir" else 2000)
        for name, statement in IN_PYTHON.items()
    ]
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, wazero.Runtime() as runtime:
        make_folder(Path(name))
        compiled = runtime.compile(wasm)
        for _ in range(6):
            for kind in KINDS:
                out: list[bytes] = []
                compiled.instantiate(
                    args=["python", "-c", SCRIPT.format(rows=rows)],
                    mounts={"/": name},
                    stdout=out.append,
                    stderr=wazero.INHERIT,
                    nanotime="system",
                    walltime="system",
                    random="system",
                    wasi=kind,
                ).close()
                for line in b"".join(out).decode().splitlines():
                    row, seconds = line.split("\t")
                    key = f"{row}\0{kind}"
                    took[key] = min(took.get(key, 1e9), float(seconds))
    beside_wazeros(report, "CPython", IN_PYTHON, took)
