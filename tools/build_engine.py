"""Builds the engine library, libwazero_engine.so, with Go.

    build_engine.py --go GO [--cpu CPU] --source DIR --scratch DIR --output FILE
        -- CC [ARG...]

Everything that a user's Go settings could change in the result is fixed here. Where Go
keeps its caches and which proxy it asks stay the user's own affair.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
import zlib
from pathlib import Path

WAZERO = "github.com/tetratelabs/wazero"

# What Go calls the processors that meson knows and that wazero compiles for.
PROCESSORS = {"aarch64": "arm64", "x86_64": "amd64"}


def wazero_version(source: Path) -> str:
    """The version of wazero that go.mod requires: the one place where it stands."""
    text = (source / "go.mod").read_text(encoding="utf-8")
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(WAZERO)}\s+(v\S+)", text, re.M)
    if not match:
        raise SystemExit(f"{source / 'go.mod'} does not require {WAZERO}")
    return match[1]


def is_writable(folder: str) -> bool:
    """Whether files can be made in folder, or in the nearest parent that exists."""
    path = Path(folder)
    while not path.exists() and path != path.parent:
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK)


def environment(
    cpu: str, compiler: list[str], source: Path, scratch: Path
) -> dict[str, str]:
    """The environment for Go: the user's, without what would change the result."""
    header = (source.parent / "lib" / "engine_abi.h").read_bytes()
    env = dict(os.environ)
    for name in ("GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT", "GO111MODULE"):
        env.pop(name, None)
    env.update(
        CC=" ".join(compiler),
        # Go does not see that a header outside of its folder changed, and would take
        # what it built with the old one from its cache; it does see other flags.
        CGO_CFLAGS=f"-g -O2 -DWZ_ABI_DIGEST={zlib.crc32(header):#x}",
        CGO_ENABLED="1",
        GOFLAGS="-mod=readonly",  # an empty value would let `go env -w` have its say
        GOTOOLCHAIN="local",
        GOWORK="off",
    )
    if cpu:
        env.update(GOOS="linux", GOARCH=PROCESSORS.get(cpu, cpu))
    home = env.get("HOME", "")
    if not home or not is_writable(home):
        # Build services like to give no home. Then the caches live in the build folder.
        env.setdefault("GOCACHE", str(scratch / "cache"))
        env.setdefault("GOPATH", str(scratch / "path"))
    return env


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--go", required=True)
    parser.add_argument("--cpu", default="", help="of a cross build, as meson calls it")
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("compiler", nargs="+")
    options = parser.parse_args()
    options.source = options.source.resolve()
    scratch = options.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    # Go names its header after the output: both get one name, in a folder of their own.
    built = scratch / "libwazero_engine.so"
    # wazero's compilation cache has this version in its keys, and it would be "dev".
    version = f"-X={WAZERO}/internal/version.version={wazero_version(options.source)}"
    exports = f"-extldflags=-Wl,--version-script={options.source / 'exports.map'}"
    command = [
        options.go,
        "build",
        "-buildmode=c-shared",
        "-trimpath",
        "-buildvcs=false",
        "-mod=readonly",
        "-tags=netgo,osusergo",  # nothing here resolves names: leave libresolv out
        f"-ldflags=-s -w {version} '{exports}'",
        "-o",
        str(built),
        ".",
    ]
    print(
        "building the engine library with Go; the first time takes about a minute",
        flush=True,
    )
    start = time.monotonic()
    result = subprocess.run(
        command,
        cwd=options.source,
        env=environment(options.cpu, options.compiler, options.source, scratch),
        check=False,
    )
    if result.returncode:
        print(f"go build failed: {' '.join(command)}", file=sys.stderr)
        return result.returncode
    os.replace(built, options.output)
    size = options.output.stat().st_size / 1e6
    print(f"engine library: {size:.1f} MB in {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
