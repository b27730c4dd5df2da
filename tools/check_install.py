"""Checks what `meson install` installs, from outside, as a user meets it.

    check_install.py BUILD SOURCE

Installs into a folder of its own, compiles examples/c/hello.c against it by pkg-config,
against the static library, and by CMake, as far as those tools are on the machine, and
runs the results without WAZERO_ENGINE: the engine library has to be found where it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CMAKE_PROJECT = """\
cmake_minimum_required(VERSION 3.16)
project(check C)
find_package(wazero 0.1 REQUIRED)
add_executable(shared {hello})
target_link_libraries(shared PRIVATE wazero::wazero)
add_executable(static {hello})
target_link_libraries(static PRIVATE wazero::static)
"""


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Runs a command and returns what it printed; shows it if the command fails."""
    result = subprocess.run(
        [str(part) for part in command],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SystemExit(f"{command} failed:\n{result.stdout}")
    return result.stdout


def check(program: Path, environment: dict[str, str]) -> None:
    said = run(program, env=environment)
    if "5 + 7 = 12" not in said:
        raise SystemExit(f"{program} said {said!r}")


def main() -> None:
    build, source = Path(sys.argv[1]), Path(sys.argv[2])
    compiler = os.environ.get("CC", "cc").split()
    hello = source / "examples" / "c" / "hello.c"
    environment = {k: v for k, v in os.environ.items() if k != "WAZERO_ENGINE"}
    with tempfile.TemporaryDirectory(prefix="wazero-install-") as folder:
        root = Path(folder)
        # The Python that runs this is meson's own.
        meson = [sys.executable, "-m", "mesonbuild.mesonmain"]
        options = ["--no-rebuild", "--quiet", "--destdir", str(root)]
        run(*meson, "install", "-C", build, *options)
        (header,) = root.rglob("wazero.h")
        prefix = header.parent.parent
        (shared,) = root.rglob("libwazero.so")
        libdir = shared.parent
        for name in ("libwazero.a", "libwazero.so.0", "libwazero_engine.so"):
            if not (libdir / name).exists():
                raise SystemExit(f"{name} is not in {libdir}")
        if list(root.rglob("libwazero_engine.h")):
            raise SystemExit("cgo's header was installed")
        environment["LD_LIBRARY_PATH"] = str(libdir)
        flags = [f"-I{header.parent}", f"-L{libdir}"]

        program = root / "shared"
        run(*compiler, hello, *flags, "-lwazero", "-o", program)
        check(program, environment)

        # A program with libwazero inside looks beside itself first.
        program = libdir / "static"
        libraries = [str(libdir / "libwazero.a"), "-ldl", "-lpthread", "-lm"]
        run(*compiler, hello, *flags, *libraries, "-o", program)
        check(program, environment)

        if shutil.which("pkg-config"):
            found = {
                **environment,
                "PKG_CONFIG_PATH": str(libdir / "pkgconfig"),
                "PKG_CONFIG_SYSROOT_DIR": str(root),
            }
            said = run("pkg-config", "--cflags", "--libs", "wazero", env=found).split()
            program = root / "by-pkg-config"
            run(*compiler, hello, *said, "-o", program)
            check(program, environment)
            print("pkg-config: ok")

        if shutil.which("cmake"):
            project = root / "project"
            project.mkdir()
            text = CMAKE_PROJECT.format(hello=hello)
            (project / "CMakeLists.txt").write_text(text)
            made = project / "build"
            run("cmake", "-S", project, "-B", made, f"-DCMAKE_PREFIX_PATH={prefix}")
            run("cmake", "--build", made)
            check(made / "shared", environment)
            shutil.copy(made / "static", libdir / "by-cmake")
            check(libdir / "by-cmake", environment)
            print("CMake: ok")
    print(
        "installed: header, shared and static library, engine library, pkg-config file"
    )


if __name__ == "__main__":
    main()
