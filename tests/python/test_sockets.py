"""Guests that listen on TCP sockets."""

import contextlib
import pathlib
import pickle
import socket
import threading
import time

import pytest
import wazero
from again import Again

WASM = (pathlib.Path(__file__).parent.parent / "wasm" / "sockets.wasm").read_bytes()
AGAIN, BADF = 6, 8


@pytest.fixture(
    params=[
        ("compiler", "libwazero"),
        ("interpreter", "libwazero"),
        ("compiler", "wazero"),
    ]
)
def make(request):
    engine, wasi = request.param
    with wazero.Runtime(engine=engine) as runtime:
        yield lambda *listen, **options: runtime.instantiate(
            WASM, listen=listen, **({"wasi": wasi} | options)
        )


def ask(address, text):
    with socket.create_connection(address, timeout=60) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(1000):
            answer += piece
        return answer


@contextlib.contextmanager
def serving(mod, times):
    """The guest serves connections in a thread of its own."""
    got = []
    serve = mod.exports.serve
    thread = threading.Thread(
        target=lambda: [got.append(serve(3)) for _ in range(times)], daemon=True
    )
    thread.start()
    yield got
    thread.join(60)


def test_serving(make):
    mod = make("127.0.0.1:0")
    [(host, port)] = mod.listen_addrs
    assert host == "127.0.0.1" and 0 < port < 65536
    with serving(mod, 3) as got:
        assert ask((host, port), b"hello") == b"HELLO"
        assert ask((host, port), b"") == b""
        assert ask((host, port), b"x" * 5000) == b"X" * 5000
    assert got == [5, 0, 5000]
    mod.close()
    assert mod.listen_addrs == ((host, port),)
    with pytest.raises(ConnectionRefusedError):
        ask((host, port), b"hello")


def test_python_runs_while_the_guest_waits(make):
    mod = make("127.0.0.1:0")
    with serving(mod, 1) as got:
        time.sleep(0.1)
        assert not got
        assert ask(mod.listen_addrs[0], b"a") == b"A"


def test_several_and_a_folder(make, tmp_path):
    mod = make(("localhost", 0), "[::1]:0", ":0", mounts={"/": tmp_path})
    hosts = [host for host, _ in mod.listen_addrs]
    assert hosts[0] in ("127.0.0.1", "::1")
    assert hosts[1:] == ["::1", "::"]
    assert len({port for _, port in mod.listen_addrs}) == 3
    with socket.create_connection(mod.listen_addrs[1][:2]):
        assert mod.exports.accept(5) == 7
    with socket.create_connection(("127.0.0.1", mod.listen_addrs[2][1])):
        assert mod.exports.accept(6) == 8


def test_a_fixed_port(make):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(wazero.WazeroError, match="in use"):
            make(f"127.0.0.1:{port}")
    mod = make(("127.0.0.1", port))
    assert mod.listen_addrs == (("127.0.0.1", port),)


def test_not_blocking(make):
    mod = make("127.0.0.1:0")
    assert mod.exports.nonblock(3) == 0
    assert mod.exports.accept(3) == -AGAIN
    with socket.create_connection(mod.listen_addrs[0]):
        while (connection := mod.exports.accept(3)) == -AGAIN:
            time.sleep(0.001)
        assert connection == 4
        assert mod.exports.shutdown(4) == 0
        assert mod.exports.close(4) == 0


@pytest.fixture
def waiting(rt):
    """A guest that waits for a connection in a WASI where that can be ended."""
    mod = rt.instantiate(WASM, listen=["127.0.0.1:0"])
    return mod.exports.accept


def test_a_timeout_ends_waiting(waiting):
    with pytest.raises(wazero.Timeout):
        waiting(3, timeout=0.05)
    with socket.create_connection(waiting.module.listen_addrs[0]):
        assert waiting(3) == 4


def test_an_interrupt_and_closing_end_waiting(waiting):
    for end, error in [
        (waiting.module.interrupt, wazero.Interrupted),
        (waiting.module.close, wazero.ClosedError),
    ]:
        with Again(end), pytest.raises(error):
            waiting(3)


def test_nothing_is_open_by_default(make):
    mod = make()
    assert mod.listen_addrs == ()
    assert mod.exports.accept(3) == -BADF


def test_listening_without_wasi(rt, add_wasm):
    for wasi in ("libwazero", "wazero"):
        mod = rt.instantiate(add_wasm, listen=["127.0.0.1:0"], wasi=wasi)
        socket.create_connection(mod.listen_addrs[0]).close()


def test_host_modules_do_not_listen(rt):
    assert rt.host_module("env", {}).listen_addrs == ()


def test_run_and_config(wat):
    wasm = wat(
        """(module
        (import "wasi_snapshot_preview1" "sock_accept"
          (func $accept (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
          (call $exit (call $accept (i32.const 3) (i32.const 0) (i32.const 0)))))"""
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    results = []
    thread = threading.Thread(
        target=lambda: results.append(wazero.run(wasm, listen=[address]).returncode),
        daemon=True,
    )
    thread.start()
    for _ in range(1000):
        try:
            socket.create_connection(address).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    thread.join(60)
    assert results == [0]
    config = wazero.ModuleConfig(listen=["127.0.0.1:0"])
    assert pickle.loads(pickle.dumps(config)) == config
    with wazero.Runtime() as rt:
        assert len(rt.instantiate(WASM, config=config).listen_addrs) == 1


@pytest.mark.parametrize(
    ("listen", "error", "text"),
    [
        ("127.0.0.1:0", TypeError, "a sequence of addresses, not one str"),
        (3, TypeError, "listen must be a sequence of addresses, not int"),
        ([3], TypeError, r"an address is 'host:port' or \(host, port\).*not 3"),
        ([("a", "b")], TypeError, "an address is"),
        ([(b"a", 1)], TypeError, "an address is"),
        ([("a", 1, 2)], TypeError, "an address is"),
        (["127.0.0.1"], ValueError, "an address is"),
        (["127.0.0.1:x"], ValueError, "an address is"),
        (["127.0.0.1:"], ValueError, "an address is"),
        (
            [("127.0.0.1", 65536)],
            ValueError,
            "a port of listen must be from 0 to 65535",
        ),
        (["127.0.0.1:-1"], ValueError, "a port of listen must be from 0 to 65535"),
        (["a\0b:1"], ValueError, "a host of listen must not contain a NUL"),
        (["300.0.0.1:0"], wazero.WazeroError, "300.0.0.1"),
    ],
)
def test_wrong_addresses(rt, listen, error, text):
    with pytest.raises(error, match=text):
        rt.instantiate(WASM, listen=listen)


def test_fork(python):
    code = """
import os, sys, wazero
rt = wazero.Runtime()
mod = rt.instantiate_file(sys.argv[1], listen=["127.0.0.1:0"])
pid = os.fork()
if not pid:
    assert len(mod.listen_addrs) == 1
    try:
        mod.exports.accept(3)
    except wazero.ForkedError:
        print("forked", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""
    path = pathlib.Path(__file__).parent.parent / "wasm" / "sockets.wasm"
    assert python(code, str(path)) == "forked\n"
