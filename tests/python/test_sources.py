"""Time and random numbers of a guest: pretended, the system's, or Python's."""

import gc
import os
import pathlib
import pickle
import random
import threading
import time
import weakref

import pytest
import wazero
from again import Again
from hypothesis import given
from hypothesis import strategies as st

WASM = (pathlib.Path(__file__).parent.parent / "wasm" / "sources.wasm").read_bytes()
EPOCH = 1640995200 * 10**9  # what wazero pretends: 2022-01-01
OPTIONS = ["walltime", "nanotime", "nanosleep", "osyield", "random"]


@pytest.fixture(params=["compiler", "interpreter"])
def make(request):
    with wazero.Runtime(engine=request.param) as runtime:
        yield lambda **options: runtime.instantiate(WASM, **options).exports


def test_pretended(make):
    for _ in range(2):
        guest = make()
        assert [guest.time(0) for _ in range(3)] == [
            EPOCH + i * 10**6 for i in range(3)
        ]
        assert [guest.time(1), guest.time(1)] == [0, 10**6]
        assert (guest.resolution(0), guest.resolution(1)) == (1000, 1)
        start = time.monotonic()
        guest.sleep(3600 * 10**9)
        guest["yield"]()
        assert time.monotonic() - start < 60


def test_system(make):
    guest = make(**dict.fromkeys(OPTIONS, "system"))
    assert abs(guest.time(0) - time.time_ns()) < 60 * 10**9
    start = guest.time(1)
    guest.sleep(30_000_000)
    guest["yield"]()
    assert guest.time(1) - start >= 30_000_000
    assert guest.random(8) != guest.random(8)


def test_callables(make):
    calls = []
    guest = make(
        walltime=lambda: 1_500_000_001,
        nanotime=lambda: (2, 5),
        nanosleep=calls.append,
        osyield=lambda: calls.append("yield"),
        random=lambda n: bytes(range(n)),
        walltime_resolution=55,
        nanotime_resolution=66,
    )
    assert guest.time(0) == 1_500_000_001
    assert guest.time(1) == 2_000_000_005
    assert (guest.resolution(0), guest.resolution(1)) == (55, 66)
    guest.sleep(1234)
    guest["yield"]()
    assert calls == [1234, "yield"]
    assert guest.random(8) == 0x0706050403020100


def test_default_resolutions_of_callables(make):
    guest = make(walltime=time.time_ns, nanotime=time.monotonic_ns)
    assert (guest.resolution(0), guest.resolution(1)) == (1000, 1)
    assert abs(guest.time(0) - time.time_ns()) < 60 * 10**9
    assert abs(guest.time(1) - time.monotonic_ns()) < 60 * 10**9


@pytest.mark.parametrize("source", [os.urandom, random.Random(1).randbytes])
def test_random_of_the_standard_library(make, source):
    guest = make(random=source)
    assert guest.random(65536) != guest.random(65536)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_random_may_be_any_bytes(make, kind):
    guest = make(random=lambda n: kind(b"\1" * n))
    assert guest.random(8) == 0x0101010101010101


def test_random_is_asked_for_in_pieces(make):
    sizes = []
    guest = make(random=lambda n: sizes.append(n) or bytes(n))
    guest.random(100_000)
    assert sizes == [65536, 34464]


def test_seeds(make):
    def numbers(seed):
        guest = make(random=seed)
        return [guest.random(8) for _ in range(3)]

    assert numbers(b"seed") == numbers(bytearray(b"seed")) == numbers(b"seed")
    assert numbers(7) == numbers(7) == numbers((7).to_bytes(32, "little"))
    different = [b"seed", b"seed\0", b"", 0, 1, 2**256 - 1, b"\xff" * 31]
    assert len({tuple(numbers(seed)) for seed in different}) == len(different)
    assert numbers(b"") == numbers(None)


@pytest.mark.parametrize("seed", [-1, 2**256, b"x" * 33])
def test_seeds_out_of_range(make, seed):
    with pytest.raises(ValueError, match=r"^random: a seed "):
        make(random=seed)


@given(st.integers(-(2**63), 2**63 - 1))
def test_times_pass_exactly(shared_rt, value):
    guest = shared_rt.instantiate(
        WASM, walltime=lambda: value, nanotime=lambda: divmod(value, 10**9)
    ).exports
    assert guest.time(0) == value
    assert guest.time(1) == value


@given(st.integers() | st.tuples(st.integers(), st.integers()))
def test_times_beyond_64_bits(shared_rt, value):
    total = value[0] * 10**9 + value[1] if isinstance(value, tuple) else value
    parts = value if isinstance(value, tuple) else ()
    guest = shared_rt.instantiate(WASM, walltime=lambda: value).exports
    if all(-(2**63) <= part < 2**63 for part in (total, *parts)):
        assert guest.time(0) == total
    else:
        with pytest.raises(OverflowError, match=r"^walltime\(\) returned a time"):
            guest.time(0)


@pytest.mark.parametrize("value", [None, 1.5, "1", (1,), (1, 2, 3), (1.0, 2), [1, 2]])
def test_what_is_no_time(make, value):
    guest = make(walltime=lambda: value, nanotime=lambda: value)
    for clock, name in enumerate(["walltime", "nanotime"]):
        with pytest.raises(TypeError, match=rf"^{name}\(\) must return nanoseconds"):
            guest.time(clock)


def test_what_is_no_random(make):
    with pytest.raises(TypeError, match=r"^random\(8\) must return bytes, not str"):
        make(random=lambda n: "x" * n).random(8)
    with pytest.raises(ValueError, match=r"^random\(8\) must return 8 bytes, not 7"):
        make(random=lambda n: bytes(n - 1)).random(8)
    with pytest.raises(ValueError, match=r"^random\(8\) must return 8 bytes, not 9"):
        make(random=lambda n: bytes(n + 1)).random(8)


def raising(*args):
    raise KeyError(args)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("walltime", lambda guest: guest.time(0)),
        ("nanotime", lambda guest: guest.time(1)),
        ("nanosleep", lambda guest: guest.sleep(5)),
        ("osyield", lambda guest: guest["yield"]()),
        ("random", lambda guest: guest.random(8)),
    ],
)
def test_an_exception_ends_the_call(make, name, call):
    guest = make(**{name: raising})
    for _ in range(2):  # the module can be called again
        with pytest.raises(KeyError) as caught:
            call(guest)
        assert caught.traceback[-1].name == "raising"
    assert guest.resolution(0) == 1000


def test_a_callable_may_call_the_guest(make):
    guest = make(walltime=lambda: guest.time(1) + 100)
    assert guest.time(0) == 100
    assert guest.time(0) == 100 + 10**6


def test_a_callable_may_close_the_guest(make):
    guest = make(walltime=lambda: guest.time.module.close() or 1)
    with pytest.raises(wazero.ClosedError):
        guest.time(0)


@pytest.mark.parametrize("name", OPTIONS)
def test_wrong_options(make, name):
    with pytest.raises(ValueError, match=rf"^{name} must be None, 'system'.*'sytem'$"):
        make(**{name: "sytem"})
    for value in (1.5, True):
        with pytest.raises(TypeError, match=rf"^{name} must be None, .*not {value}$"):
            make(**{name: value})


@pytest.mark.parametrize("clock", ["walltime", "nanotime"])
def test_wrong_resolutions(make, clock):
    option = f"{clock}_resolution"
    with pytest.raises(ValueError, match=f"^{option} needs a {clock} that is a call"):
        make(**{option: 1})
    with pytest.raises(ValueError, match=f"^{option} needs a {clock} that is a call"):
        make(**{option: 1, clock: "system"})
    with pytest.raises(ValueError, match=f"^{option} must not be 0$"):
        make(**{option: 0, clock: lambda: 0})
    for wrong in (-1, 817405953, 2**32, 2**70):
        with pytest.raises(ValueError, match=f"^{option} must be from 0 to 817405952"):
            make(**{option: wrong, clock: lambda: 0})
    with pytest.raises(TypeError, match=f"^{option} must be an integer"):
        make(**{option: 1.0, clock: lambda: 0})
    assert make(**{option: 817405952, clock: lambda: 0}).time(0) is not None


def test_a_timeout_ends_sleep(make):
    guest = make(nanosleep="system")
    start = time.monotonic()
    with pytest.raises(wazero.Timeout):
        guest.sleep(3600 * 10**9, timeout=0.05)
    assert time.monotonic() - start < 30
    assert guest.time(1) == 0


def test_an_interrupt_ends_sleep(make):
    guest = make(nanosleep="system")
    with Again(guest.sleep.module.interrupt), pytest.raises(wazero.Interrupted):
        guest.sleep(3600 * 10**9)


def test_closing_ends_sleep(make):
    guest = make(nanosleep="system")
    timer = threading.Timer(0.05, guest.sleep.module.close)
    timer.start()
    with pytest.raises(wazero.ClosedError):
        guest.sleep(3600 * 10**9)
    timer.join()


def test_ctrl_c_ends_sleep(python):
    code = """
import os, signal, sys, threading, time, wazero
with wazero.Runtime() as rt:
    guest = rt.instantiate_file(sys.argv[1], nanosleep="system").exports
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        guest.sleep(3600 * 10**9)
    except KeyboardInterrupt:
        print("interrupted", guest.time(1))
"""
    path = pathlib.Path(__file__).parent.parent / "wasm" / "sources.wasm"
    assert python(code, str(path)) == "interrupted 0\n"


def test_others_run_during_sleep(make):
    guest = make(nanosleep="system")
    thread = threading.Thread(target=guest.sleep, args=(500_000_000,))
    turns = 0
    thread.start()
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 10


def test_threads_have_their_own(rt):
    """Each module is asked by its own thread; the answers do not mix."""
    compiled = rt.compile(WASM)

    def work(number, results):
        guest = compiled.instantiate(walltime=lambda: number, random=number).exports
        results[number] = {guest.time(0) for _ in range(200)}

    results = {}
    threads = [threading.Thread(target=work, args=(i, results)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: {i} for i in range(4)}


def test_fork_in_a_callable(python):
    code = """
import os, sys, wazero
with wazero.Runtime() as rt:
    def walltime():
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        return pid and 1
    guest = rt.instantiate_file(sys.argv[1], walltime=walltime).exports
    parent = os.getpid()
    try:
        print(guest.time(0), flush=True)
    except wazero.ForkedError as error:
        print(type(error).__name__, os.getpid() != parent, flush=True)
        os._exit(0)
"""
    path = pathlib.Path(__file__).parent.parent / "wasm" / "sources.wasm"
    assert python(code, str(path)) == "ForkedError True\n1\n"


def test_a_cycle_through_a_callable_is_collected(rt, collect):
    class Clock:
        def __call__(self):
            return 1

    clock = Clock()
    clock.module = rt.instantiate(WASM, walltime=clock)
    assert clock.module.exports.time(0) == 1
    alive = weakref.ref(clock)
    del clock
    gc.collect()
    assert alive() is None


def test_module_config(rt):
    config = wazero.ModuleConfig(
        walltime=time.time_ns, walltime_resolution=7, random=b"seed", osyield="system"
    )
    config = pickle.loads(pickle.dumps(config))
    guest = rt.instantiate(WASM, config=config).exports
    assert guest.resolution(0) == 7
    assert guest.random(8) == rt.instantiate(WASM, random=b"seed").exports.random(8)
    guest = rt.instantiate(WASM, config=config, random=b"other").exports
    assert guest.random(8) != rt.instantiate(WASM, random=b"seed").exports.random(8)


def test_preset():
    config = wazero.ModuleConfig.inherit(args=["me"], random=1)
    assert config == wazero.ModuleConfig(
        args=["me"],
        stdin=wazero.INHERIT,
        stdout=wazero.INHERIT,
        stderr=wazero.INHERIT,
        walltime="system",
        nanotime="system",
        nanosleep="system",
        random=1,
    )
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(TypeError):
        wazero.ModuleConfig.inherit(colour="red")
