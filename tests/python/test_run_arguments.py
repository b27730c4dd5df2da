"""Wrong arguments of run, arun and instantiate: each message names the argument, what
it may be, and what it is."""

import asyncio
import inspect
import io
import math

import pytest
import wazero

PROGRAM = '(module (memory 1) (func (export "_start")))'
HUGE = 10**400


class Raises:
    """A path that cannot be told."""

    def __fspath__(self):
        raise KeyError("mine")


def opened(mode, closed=False, **options):
    """A file that is opened when the test runs, in its folder."""

    def make(folder):
        (folder / "file").touch()
        file = open(folder / "file", mode, **options)  # noqa: SIM115
        if closed:
            file.close()
        return file

    return make


def inside(*names, **wrapped):
    """A path in the test's folder, or a mapping to it."""

    def make(folder):
        (folder / "file").touch()
        path = str(folder.joinpath(*names))
        return {wrapped["guest"]: path} if wrapped else path

    return make


SIZE = "as an int in bytes or a text like '64MiB'"
NOT_MAPPING = "must be a mapping, not "
STREAM = "must be None, wazero.INHERIT, "
CLOCK = "must be None, 'system' or a callable, not "

# Of run alone.
RUN = [
    *(
        (name, value, TypeError, f"{name} must be True or False, not {kind}")
        for name in ("check", "capture_output", "text", "deterministic")
        for value, kind in ((1, "int"), (None, "NoneType"), ("yes", "str"))
    ),
    ("encoding", 1, TypeError, "encoding must be str or None, not int"),
    ("encoding", b"utf-8", TypeError, "encoding must be str or None, not bytes"),
    *(
        (
            "encoding",
            value,
            ValueError,
            "encoding must be the name of an encoding of text, not '",
        )
        for value in ("nope", "hex", "a\0", "\ud800")
    ),
    ("errors", 1, TypeError, "errors must be str or None, not int"),
    ("errors", "nope", ValueError, "errors must be 'strict', 'replace' or another"),
    ("errors", "\0", ValueError, "errors must be 'strict'"),
    ("input", "text", TypeError, "input must be bytes-like unless text=True"),
    ("input", 1, TypeError, "input must be bytes-like, or str with text=True, not int"),
    ("input", ["a"], TypeError, "input must be bytes-like, or str with .* not list"),
    ("input", io.BytesIO(), TypeError, "input must be bytes-like, .* not BytesIO"),
    ("stdin", "text", TypeError, "stdin must be .* not str .a path must be opened"),
    (
        "features",
        "simd",
        TypeError,
        "features must be a sequence of names, not one str",
    ),
    ("features", 1.5, TypeError, "features must be a sequence of names, not float"),
    ("features", True, TypeError, "features must be a sequence of names, not bool"),
    ("features", [1], TypeError, "features must be names, not int"),
    ("features", ["x"], ValueError, 'features: no feature is called "x"; there are '),
    *(
        ("features", value, ValueError, "features: .* has bits that are no feature")
        for value in (-1, 1 << 40, 1 << 80)
    ),
    *(
        (
            "engine",
            value,
            ValueError,
            "engine must be 'auto', 'compiler' or 'interp.* not",
        )
        for value in (1, "x", b"auto", "AUTO")
    ),
    ("cache", 1, TypeError, "directory of a cache must be str, bytes, os.PathLike or"),
    ("cache", "", wazero.WazeroError, "cache's directory has no name"),
    (
        "cache",
        inside("file"),
        wazero.WazeroError,
        "cache directory: .*/file is not dir",
    ),
    ("table_limit", -1, ValueError, "table_limit must be from 0 to 10000000, not -1"),
    (
        "table_limit",
        10**7 + 1,
        ValueError,
        "table_limit must be from 0 to 10000000, not",
    ),
    ("table_limit", HUGE, ValueError, "table_limit must be from 0 to 10000000, not 1"),
    ("table_limit", "1", TypeError, "table_limit must be an integer, not str"),
    ("table_limit", 1.5, TypeError, "table_limit must be an integer, not float"),
    ("table_limit", True, TypeError, "table_limit must be an integer, not bool"),
]

# Of run and instantiate.
BOTH = [
    *(
        (
            name,
            value,
            TypeError,
            f"{name} {STREAM}.*a file object or a callable, not {kind}",
        )
        for name in ("stdin", "stdout", "stderr")
        for value, kind in ((1, "int"), (["a"], "list"), (object(), "object"))
    ),
    *(
        (
            name,
            b"x",
            TypeError,
            f"{name} {STREAM}a file object or a callable, not bytes",
        )
        for name in ("stdout", "stderr")
    ),
    *(
        (
            name,
            "x",
            TypeError,
            f"{name} {STREAM}.* not str .a path must be opened first",
        )
        for name in ("stdout", "stderr")
    ),
    *(
        (
            name,
            opened(mode, closed=True, **how),
            ValueError,
            f"{name} must be open, not the",
        )
        for name in ("stdin", "stdout", "stderr")
        for mode, how in (("r+b", {}), ("r+b", {"buffering": 0}), ("w+", {}))
    ),
    *(
        (
            "stdin",
            opened(mode, **how),
            ValueError,
            "stdin must be a file that can be read",
        )
        for mode, how in (("wb", {}), ("wb", {"buffering": 0}), ("w", {}))
    ),
    *(
        (
            name,
            opened(mode, **how),
            ValueError,
            f"{name} must be a file that can be written",
        )
        for name in ("stdout", "stderr")
        for mode, how in (("rb", {}), ("rb", {"buffering": 0}), ("r", {}))
    ),
    ("env", 1, TypeError, f"env {NOT_MAPPING}int"),
    ("env", "x", TypeError, f"env {NOT_MAPPING}str"),
    ("env", [("a", "b")], TypeError, f"env {NOT_MAPPING}list"),
    ("env", {"a": 1}, TypeError, "a value of env must be str, bytes or .* not int"),
    ("env", {"a": None}, TypeError, "a value of env must be str, .* not NoneType"),
    ("env", {1: "a"}, TypeError, "a key of env must be str, bytes or .* not int"),
    ("env", {"a=b": "c"}, ValueError, "env: 'a=b' is no name of a variable"),
    ("env", {"": "c"}, ValueError, "env: '' is no name of a variable"),
    ("env", {"a\0": "c"}, ValueError, "a key of env must not contain a NUL, as 'a"),
    ("env", {"a": b"c\0"}, ValueError, "a value of env must not contain a NUL, as b'c"),
    ("env", {"a": "\ud800"}, ValueError, "a value of env must be text that can be enc"),
    ("env", {"\ud800": "c"}, ValueError, "a key of env must be text that can be encod"),
    ("env", {"a": Raises()}, KeyError, "mine"),
    ("mounts", 1, TypeError, f"mounts {NOT_MAPPING}int"),
    ("mounts", "x", TypeError, f"mounts {NOT_MAPPING}str"),
    ("mounts", ["x"], TypeError, f"mounts {NOT_MAPPING}list"),
    (
        "mounts",
        {1: "/"},
        TypeError,
        "the guest path of a mount must be str, .* not int",
    ),
    ("mounts", {"": "/"}, ValueError, "the guest path of a mount must not be empty"),
    (
        "mounts",
        {"/\0": "/"},
        ValueError,
        "guest path of a mount must not contain a NUL",
    ),
    ("mounts", {"\ud800": "/"}, ValueError, "guest path of a mount must be text that "),
    (
        "mounts",
        {"/": 1},
        TypeError,
        "the host directory of a mount must be str, .* not",
    ),
    (
        "mounts",
        {"/": None},
        TypeError,
        "host directory of a mount must be .* not NoneT",
    ),
    (
        "mounts",
        {"/": "a\0"},
        ValueError,
        "host directory of a mount must not contain a",
    ),
    ("mounts", {"/": "\ud800"}, ValueError, "host directory of a mount must be text "),
    ("mounts", {"/": ""}, FileNotFoundError, "''"),
    ("mounts", inside("none", guest="/"), FileNotFoundError, "/none'"),
    ("mounts", inside("file", guest="/"), NotADirectoryError, "/file'"),
    (
        "mounts",
        {"/": ("/", "rx")},
        ValueError,
        "mode of a mount is 'ro' or 'rw', not 'rx",
    ),
    (
        "mounts",
        {"/": ("/", True)},
        ValueError,
        "mode of a mount is 'ro' or 'rw', not True",
    ),
    ("mounts", {"/": Raises()}, KeyError, "mine"),
    ("listen", 1, TypeError, "listen must be a sequence of addresses, not int"),
    ("listen", "x:1", TypeError, "listen must be a sequence of addresses, not one str"),
    (
        "listen",
        ["x"],
        ValueError,
        "an address is 'host:port' or .host, port., .* not 'x'",
    ),
    ("listen", ["x:y"], ValueError, "an address is 'host:port' or .* not 'x:y'"),
    ("listen", [1], TypeError, "an address is 'host:port' or .* not 1"),
    ("listen", [("a",)], TypeError, "an address is 'host:port' or .* not .'a',."),
    (
        "listen",
        [("a", "1")],
        TypeError,
        "an address is 'host:port' or .* not .'a', '1'.",
    ),
    (
        "listen",
        [("a", True)],
        TypeError,
        "a port of listen must be an integer, not bool",
    ),
    (
        "listen",
        [("a", -1)],
        ValueError,
        "a port of listen must be from 0 to 65535, not -1",
    ),
    (
        "listen",
        ["a:65536"],
        ValueError,
        "a port of listen must be from 0 to 65535, not 65",
    ),
    ("listen", [("a\0", 1)], ValueError, "a host of listen must not contain a NUL"),
    (
        "imports",
        1,
        TypeError,
        "imports must be a mapping of module names to .* not int",
    ),
    (
        "imports",
        "x",
        TypeError,
        "imports must be a mapping of module names to .* not str",
    ),
    *(
        (
            "random",
            value,
            ValueError,
            "random: a seed is an int from 0 to 2..256 - 1, not",
        )
        for value in (-1, 2**256)
    ),
    ("random", bytes(33), ValueError, "random: a seed has at most 32 bytes, not 33"),
    ("random", 1.5, TypeError, "random must be None, 'system', a seed .* not 1.5"),
    ("random", True, TypeError, "random must be None, 'system', a seed .* not True"),
    ("random", "x", ValueError, "random must be None, 'system', a seed .* not 'x'"),
    *(
        (name, value, kind, f"{name} {CLOCK}{value!r}")
        for name in ("walltime", "nanotime", "nanosleep")
        for value, kind in ((1, TypeError), ("x", ValueError), (b"", TypeError))
    ),
    *(
        (
            "timeout",
            value,
            ValueError,
            "timeout'? must be a number of seconds from 0 on, not",
        )
        for value in (-1, -1e-9, -math.inf, math.nan, -HUGE)
    ),
    *(
        (
            "timeout",
            value,
            TypeError,
            "timeout'? must be a number of seconds or None, not",
        )
        for value in ("1", 1j, [1])
    ),
    *(
        (name, value, ValueError, f"{name} must be from .*, {SIZE} .*, not ")
        for name in ("memory_limit", "max_stack", "output_limit")
        for value in (
            -1,
            HUGE,
            2**62 + 1,
            "",
            "x",
            "-1",
            "1mib",
            "1 MiB ",
            "1e3",
            "٣",
            "9" * 30 + "GiB",
            "1\0",
        )
    ),
    *(
        (name, value, TypeError, f"{name} must be an int or a str, not {kind}")
        for name in ("memory_limit", "max_stack", "output_limit")
        for value, kind in ((1.5, "float"), (True, "bool"), (b"1MiB", "bytes"))
    ),
    ("memory_limit", 2**32 + 1, ValueError, "memory_limit must be from 0 to 4 GiB, "),
    ("memory_limit", "5GiB", ValueError, "memory_limit must be from .*, not '5GiB'"),
    ("max_stack", 0, ValueError, "max_stack must be from 64 KiB to 1 GiB, .* not 0"),
    ("max_stack", 2**30 + 1, ValueError, "max_stack must be from 64 KiB to 1 GiB, "),
    ("max_files", -1, ValueError, "max_files must be from 0 to 4294967295, not -1"),
    ("max_files", 2**32, ValueError, "max_files must be from 0 to 4294967295, not 42"),
    ("max_files", "1", TypeError, "max_files must be an integer, not str"),
    ("max_files", 1.5, TypeError, "max_files must be an integer, not float"),
    ("max_files", True, TypeError, "max_files must be an integer, not bool"),
    (
        "trace",
        1,
        TypeError,
        "trace must be a bool, a wazero.Trace, a callable or a file",
    ),
    (
        "trace",
        "x",
        TypeError,
        "trace must be a bool, a wazero.Trace, a callable or a fil",
    ),
    ("wasi", 1, TypeError, "wasi must be 'libwazero' or 'wazero', not 1"),
    ("wasi", "x", ValueError, "wasi must be 'libwazero' or 'wazero', not 'x'"),
]

# Of instantiate alone.
INSTANCE = [
    ("deterministic", 1, TypeError, "deterministic must be a bool, not int"),
    ("name", 1, TypeError, "name must be str or None, not int"),
    ("args", "x", TypeError, "args must be a sequence of strings, not one str"),
    ("args", b"x", TypeError, "args must be a sequence of strings, not one bytes"),
    ("args", 1, TypeError, "args must be a sequence of strings, not int"),
    ("args", ["a", 1], TypeError, r"args\[1\] must be str, bytes or .* not int"),
    ("args", ["a\0"], ValueError, r"args\[0\] must not contain a NUL, as 'a"),
    ("args", ["\ud800"], ValueError, r"args\[0\] must be text that can be encoded"),
    (
        "start_functions",
        "x",
        TypeError,
        "start_functions must be a sequence of strings",
    ),
    (
        "start_functions",
        [1],
        TypeError,
        r"start_functions\[0\] must be str, .* not int",
    ),
    ("fs", "x", TypeError, "fs must be a wazero.FSConfig or a mapping, not str"),
    ("fs", 1, TypeError, "fs must be a wazero.FSConfig or a mapping, not int"),
    ("osyield", 1, TypeError, "osyield must be None, 'system' or a callable, not 1"),
    ("on_close", 1, TypeError, "on_close must be .*callable"),
    ("walltime_resolution", -1, ValueError, "walltime_resolution"),
    ("nanotime_resolution", 1, ValueError, "nanotime_resolution needs a nanotime"),
    ("config", 1, TypeError, "config must be a wazero.ModuleConfig, not int"),
    ("nonsense", 1, TypeError, "no parameter 'nonsense'"),
]


def cases(*tables):
    return list(_cases(tables))


def _cases(tables):
    counts = {}
    for option, value, error, message in (case for table in tables for case in table):
        counts[option] = counts.get(option, 0) + 1
        yield pytest.param(
            option, value, error, message, id=f"{option}-{counts[option]}"
        )


@pytest.fixture
def given(tmp_path):
    """The value of a case, made for the test where it has to be."""
    made = []

    def give(value):
        made.append(value(tmp_path) if inspect.isfunction(value) else value)
        return made[-1]

    yield give
    for value in made:
        if isinstance(value, io.IOBase):
            value.close()


@pytest.mark.parametrize(("option", "value", "error", "message"), cases(RUN, BOTH))
def test_run(wat, given, option, value, error, message):
    options = {option: given(value)}
    with pytest.raises(error, match=message):
        wazero.run(wat(PROGRAM), **options)

    async def awaited():
        await wazero.arun(wat(PROGRAM), **options)

    with pytest.raises(error, match=message):
        asyncio.run(awaited())


@pytest.mark.parametrize(("option", "value", "error", "message"), cases(BOTH, INSTANCE))
def test_instantiate(shared_rt, wat, given, option, value, error, message):
    compiled = shared_rt.compile(wat(PROGRAM))
    options = {option: given(value)}
    with pytest.raises(error, match=message):
        compiled.instantiate(**options)
    with pytest.raises(error, match=message):
        shared_rt.instantiate(wat(PROGRAM), **options)
    if option not in ("imports", "config", "nonsense"):
        with pytest.raises(error, match=message):
            compiled.instantiate(config=wazero.ModuleConfig(**options))


def test_every_option_is_in_the_table():
    options = {case[0] for case in (*RUN, *BOTH)}
    assert options == set(inspect.signature(wazero.run).parameters) - {"wasm", "args"}
    # What these take has tests of its own: test_assemblyscript.
    instance = {case[0] for case in (*BOTH, *INSTANCE)} - {"nonsense"}
    parameters = set(inspect.signature(wazero.CompiledModule.instantiate).parameters)
    assert instance == parameters - {"self", "assemblyscript"}


@pytest.mark.parametrize(
    ("wasm", "error", "message"),
    [
        (1, TypeError, "wasm must be bytes-like, .* not int"),
        (None, TypeError, "wasm must be bytes-like, .* not NoneType"),
        (["x"], TypeError, "wasm must be bytes-like, .* not list"),
        ("/none.wasm", FileNotFoundError, "/none.wasm"),
        ("/", IsADirectoryError, "'/'"),
        ("a\0", ValueError, "null byte"),
        (b"", wazero.CompileError, "the input is empty"),
        (b"abc", wazero.CompileError, "begins with 61 62 63"),
        (Raises(), KeyError, "mine"),
    ],
)
def test_programs(wasm, error, message):
    with pytest.raises(error, match=message):
        wazero.run(wasm)


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        (1, TypeError, "argument 2 of the program must be str, bytes or .* not int"),
        (None, TypeError, "argument 2 of the program must be .* not NoneType"),
        ("a\0", ValueError, r"args\[2\] must not contain a NUL"),
        ("\ud800", ValueError, r"args\[2\] must be text that can be encoded"),
        (Raises(), KeyError, "mine"),
    ],
)
def test_arguments_of_the_program(wat, argument, error, message):
    with pytest.raises(error, match=message):
        wazero.run(wat(PROGRAM), "one", argument)


def test_what_does_not_go_together(cat):
    with pytest.raises(ValueError, match="stdin and input cannot both be given"):
        wazero.run(cat, stdin=b"", input=b"")
    for stream in ("stdout", "stderr"):
        with pytest.raises(ValueError, match="cannot be given with capture_output"):
            wazero.run(cat, capture_output=True, **{stream: io.BytesIO()})
    with pytest.raises(TypeError, match="input must be str with text=True"):
        wazero.run(cat, input=b"", text=True)
    with pytest.raises(UnicodeEncodeError):
        wazero.run(cat, input="\ud800", text=True)


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_callables_that_raise(cat, stream):
    def raises(*_):
        raise KeyError("mine")

    streams = {"stdin": b"text", "stdout": None, "stderr": None, stream: raises}
    with pytest.raises(KeyError, match="mine"):
        wazero.run(cat, **streams)


def test_what_is_allowed(cat, wat, tmp_path):
    """At the edges of what is refused above."""
    options = {"stdout": None, "stderr": None}
    for timeout in (None, math.inf, HUGE, 1e300, 2**64):
        assert wazero.run(cat, timeout=timeout, **options).returncode == 0
    assert wazero.run(wat(PROGRAM), memory_limit=2**32).returncode == 0
    assert wazero.run(wat(PROGRAM), memory_limit="4 GiB").returncode == 0
    with pytest.raises(wazero.CompileError, match="memory"):
        wazero.run(wat(PROGRAM), memory_limit=0)
    assert wazero.run(cat, max_stack="64KiB", table_limit=0, **options).returncode == 0
    assert wazero.run(cat, max_files=2**32 - 1, output_limit=2**62, **options)
    # A guest path is a name. Of two for one path the second one counts.
    mounts = {"../a": tmp_path, "/a/../b": tmp_path, "a": tmp_path, "/a/": tmp_path}
    assert wazero.run(cat, mounts=mounts, **options).returncode == 0
