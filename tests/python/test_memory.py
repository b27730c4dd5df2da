import array
import ctypes
import struct

import numpy
import pytest
import wazero
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

PAGE = 65536
WASM = """
(module
  (memory (export "memory") 1 4)
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (data (i32.const 16) "hello\\00w\\c3\\b6rld\\00\\ff\\fe"))
"""


@pytest.fixture
def mod(rt, wat):
    return rt.instantiate(wat(WASM))


@pytest.fixture
def memory(mod):
    return mod.memory


def test_size(memory):
    assert len(memory) == memory.size == PAGE
    assert memory.pages == 1
    assert memory.type == wazero.MemoryType((1, 4, False))
    assert repr(memory) == "<wazero.Memory of 1 page>"


def test_module(mod):
    assert mod.memory.module is mod


def test_the_guest_sees_the_same_bytes(mod, memory):
    memory[3] = 200
    assert mod.call("load", 3) == 200
    mod.call("store", 4, 7)
    assert memory[4] == 7


def test_items(memory):
    memory[0] = 255
    memory[-1] = 3
    assert memory[0] == 255 and memory[PAGE - 1] == 3 and memory[-PAGE] == 255
    for index in (PAGE, -PAGE - 1, 2**70, -(2**70)):
        with pytest.raises(IndexError):
            memory[index]
        with pytest.raises(IndexError):
            memory[index] = 1
    with pytest.raises(IndexError, match=r"65536 is out of range: .* 65536 bytes"):
        memory[PAGE]
    for value in (256, -1, 2**70):
        with pytest.raises(ValueError, match="a byte must be from 0 to 255"):
            memory[0] = value
    for key in ("a", 1.0, None, (1, 2)):
        with pytest.raises(TypeError):
            memory[key]
        with pytest.raises(TypeError):
            memory[key] = 1
    with pytest.raises(TypeError, match="a byte must be an integer, not str"):
        memory[0] = "a"
    with pytest.raises(TypeError, match="cannot be deleted"):
        del memory[0]


def test_slices(memory):
    memory[0:5] = b"01234"
    assert memory[0:5] == b"01234"
    assert type(memory[0:5]) is bytes
    assert memory[1:5:2] == b"13"
    assert memory[4::-2][:3] == b"420"
    assert memory[5:2] == b""
    assert memory[PAGE - 2 : PAGE + 100] == b"\0\0"
    assert len(memory[:]) == PAGE
    memory[0:6:2] = b"abc"
    assert memory[0:5] == b"a1b3c"
    memory[5:5] = b""
    for source in (bytearray(b"xy"), memoryview(b"xy"), array.array("H", [0x7978])):
        memory[0:2] = source
        assert memory[0:2] == b"xy"
    with pytest.raises(ValueError, match="cannot assign 3 bytes to a slice of 2"):
        memory[0:2] = b"abc"
    with pytest.raises(ValueError, match="the memory keeps its size"):
        memory[PAGE:] = b"a"
    with pytest.raises(TypeError):
        memory[0:2] = "ab"
    with pytest.raises(BufferError):
        memory[0:2] = memoryview(b"abcd")[::2]


def test_overlapping_assignment(memory):
    memory[0:10] = b"0123456789"
    memory[2:10] = memoryview(memory)[0:8]
    assert memory[0:10] == b"0101234567"
    memory[0:8] = memoryview(memory)[2:10]
    assert memory[0:10] == b"0123456767"
    memory.write(1, memoryview(memory)[0:4])
    assert memory[0:6] == b"001236"[:1] + b"0123" + b"5"


def test_read_and_write(memory):
    memory.write(100, b"abc")
    assert memory.read(100, 3) == b"abc"
    assert memory.read(ptr=100, n=0) == b""
    assert memory.read(PAGE, 0) == b""
    memory.write(PAGE, b"")
    memory.write(PAGE - 1, b"x")
    for read in ((PAGE - 1, 2), (PAGE + 1, 0), (0, PAGE + 1), (2**64, 1), (1, 2**64)):
        with pytest.raises(
            IndexError, match=r"cannot read .* the memory has 65536 bytes"
        ):
            memory.read(*read)
    with pytest.raises(IndexError, match="cannot write 3 bytes at offset 65534"):
        memory.write(PAGE - 2, b"abc")
    assert memory[PAGE - 2 : PAGE] == b"\0x"
    for call in (
        lambda: memory.read(-1, 1),
        lambda: memory.read(0, -1),
        lambda: memory.read(-(2**70), 1),
        lambda: memory.write(-1, b""),
        lambda: memory.read_cstr(-1),
        lambda: memory.unpack("<I", -1),
        lambda: memory.pack("<I", -1, 1),
    ):
        with pytest.raises(IndexError, match=r"must not be negative.*0xffffffff"):
            call()
    for call, text in (
        (lambda: memory.read("a", 1), "'ptr' must be an integer, not str"),
        (lambda: memory.read(1, 1.0), "'n' must be an integer, not float"),
        (lambda: memory.write(0, "a"), "'data' must be bytes-like, not str"),
        (lambda: memory.read(1), r"read\(\) misses its argument 'n'"),
        (lambda: memory.read(1, 2, 3), r"read\(\) takes at most 2"),
    ):
        with pytest.raises(TypeError, match=text):
            call()


def test_strings(memory):
    assert memory.read_str(16, 5) == "hello"
    assert memory.read_cstr(16) == "hello"
    assert memory.read_cstr(22) == "wörld"
    assert memory.read_cstr(22, encoding="latin-1") == "wÃ¶rld"
    assert memory.read_cstr(21) == ""
    with pytest.raises(UnicodeDecodeError):
        memory.read_str(29, 2)
    assert memory.read_str(29, 2, errors="replace") == "\ufffd\ufffd"
    assert memory.read_str(16, 5, "utf-16-le", "ignore") == "敨汬"
    with pytest.raises(LookupError):
        memory.read_str(16, 5, "nope")
    with pytest.raises(TypeError):
        memory.read_str(16, 5, 3)
    memory[100:] = b"a" * (PAGE - 100)
    with pytest.raises(IndexError, match="no NUL between offset 100"):
        memory.read_cstr(100)
    for ptr in (PAGE, 2**63, 2**80):
        with pytest.raises(IndexError, match="no NUL"):
            memory.read_cstr(ptr)


def test_writing_strings(memory):
    assert memory.write_str(10, "wörld") == 6
    assert memory.read(10, 6) == "wörld".encode()
    assert memory.write_str(ptr=10, text="ö", encoding="latin-1") == 1
    assert memory[10] == 0xF6
    assert memory.write_str(10, "aöb", "ascii", "replace") == 3
    assert memory.read_str(10, 3) == "a?b"
    end = len(memory)
    assert memory.write_str(end - 5, "hello") == 5
    before = memory[end - 4 :]
    for ptr in (end - 4, end, 2**63, 2**80, -1):
        with pytest.raises(IndexError):
            memory.write_str(ptr, "hello")
    assert memory[end - 4 :] == before
    with pytest.raises(UnicodeEncodeError):
        memory.write_str(0, "\ud800")
    with pytest.raises(LookupError):
        memory.write_str(0, "a", "nope")
    for wrong in (b"bytes", None, 5):
        with pytest.raises(TypeError, match="'text' must be str, not"):
            memory.write_str(0, wrong)
    with pytest.raises(TypeError, match="encoding and errors must be str"):
        memory.write_str(0, "a", 3)
    memory.module.close()
    with pytest.raises(wazero.ClosedError):
        memory.write_str(0, "a")


def test_struct(memory):
    memory.pack("<If", 8, 1, 2.0)
    assert memory.unpack("<If", 8) == (1, 2.0)
    assert memory.unpack("<Q", 8) == struct.unpack("<Q", memory.read(8, 8))
    assert memory.unpack("", 0) == ()
    with pytest.raises(IndexError, match="cannot unpack 8 bytes at offset 65532"):
        memory.unpack("<Q", PAGE - 4)
    with pytest.raises(IndexError, match="cannot pack 8 bytes"):
        memory.pack("<Q", PAGE - 4, 1)
    with pytest.raises(struct.error):
        memory.unpack("nonsense", 0)
    with pytest.raises(struct.error):
        memory.pack("<I", 0, "a")
    with pytest.raises(TypeError):
        memory.pack("<I")


def test_memoryview(mod, memory):
    view = memoryview(memory)
    assert (view.format, view.itemsize, view.ndim) == ("B", 1, 1)
    assert view.nbytes == PAGE and not view.readonly and view.c_contiguous
    view[0] = 9
    assert mod.call("load", 0) == 9
    mod.call("store", 1, 8)
    assert view[1] == 8
    assert view.obj is memory
    assert list(memory)[:2] == [9, 8]


def test_numpy_and_ctypes_share(mod, memory):
    values = numpy.frombuffer(memory, "u1")
    values[10:13] = (1, 2, 3)
    assert memory[10:13] == b"\1\2\3"
    chars = (ctypes.c_char * PAGE).from_buffer(memory)
    chars[10] = b"z"
    assert mod.call("load", 10) == ord("z")
    words = numpy.frombuffer(memory, "<u4", count=2, offset=16)
    words[0] = 0x01020304
    assert memory[16:20] == b"\4\3\2\1"


def test_views_across_grow(mod, memory):
    view = memoryview(memory)
    view[0] = 5
    assert memory.grow(1) == 1
    assert mod.call("grow", 1) == 2
    assert len(memory) == 3 * PAGE
    assert view.nbytes == PAGE and view[0] == 5
    view[1] = 6
    assert mod.call("load", 1) == 6
    mod.call("store", 2, 7)
    assert view[2] == 7
    larger = memoryview(memory)
    assert larger.nbytes == 3 * PAGE and larger[2] == 7
    memory[2 * PAGE] = 44
    assert larger[2 * PAGE] == 44 == mod.call("load", 2 * PAGE)


def test_grow(mod, memory):
    assert memory.grow(0) == 1
    assert memory.grow(delta=3) == 1
    assert memory.pages == 4
    assert memory[PAGE:] == bytes(3 * PAGE)
    with pytest.raises(wazero.WazeroError):
        memory.grow(1)
    assert mod.call("grow", 1) == -1
    assert memory.pages == 4
    with pytest.raises(ValueError, match="from 0 to 4294967295"):
        memory.grow(-1)
    with pytest.raises(ValueError, match="from 0 to 4294967295"):
        memory.grow(2**32)
    with pytest.raises(wazero.WazeroError):
        memory.grow(2**32 - 1)


def test_views_outlive_close(mod, memory):
    view = memoryview(memory)
    view[0:3] = b"abc"
    mod.close()
    assert bytes(view[0:3]) == b"abc"
    view[0] = ord("x")
    assert view[0] == ord("x")
    with pytest.raises(wazero.ClosedError):
        memoryview(memory)
    with pytest.raises(wazero.ClosedError):
        bytes(memory[0:1])


def test_views_outlive_everything(wat, collect):
    runtime = wazero.Runtime()
    view = memoryview(runtime.instantiate(wat(WASM)).memory)
    collect()
    runtime.close()
    del runtime
    collect()
    assert bytes(view[16:21]) == b"hello"
    view[:] = bytes(PAGE)
    view.release()


def test_every_method_after_close(mod, memory):
    mod.close()
    for use in (
        lambda: memory.read(0, 1),
        lambda: memory.write(0, b"a"),
        lambda: memory.read_str(0, 1),
        lambda: memory.read_cstr(0),
        lambda: memory.unpack("<I", 0),
        lambda: memory.pack("<I", 0, 1),
        lambda: memory.grow(0),
        lambda: memory.size,
        lambda: memory.pages,
        lambda: memory[0:1],
        lambda: memory[0:4:2],
        lambda: memory.__setitem__(0, 1),
        lambda: memory.__setitem__(slice(0, 1), b"a"),
        lambda: iter(memory),
    ):
        with pytest.raises(wazero.ClosedError):
            use()
    assert memory.type.min == 1


def test_large_copies(rt, wat):
    memory = rt.instantiate(wat('(module (memory (export "m") 64))')).memory
    data = bytes(range(256)) * 12345
    memory.write(77, data)
    assert memory.read(77, len(data)) == data
    memory[100 : 100 + len(data)] = memoryview(memory)[77 : 77 + len(data)]
    assert memory[100 : 100 + len(data)] == data


def test_memory_without_pages(rt, wat):
    memory = rt.instantiate(wat('(module (memory (export "m") 0))')).memory
    assert len(memory) == 0 and bytes(memory) == b"" and memory[:] == b""
    assert list(memory) == []
    with pytest.raises(IndexError):
        memory[0]
    view = memoryview(memory)
    assert memory.grow(1) == 0
    assert view.nbytes == 0 and len(memory) == PAGE


class Model(RuleBasedStateMachine):
    """The memory against a bytearray."""

    runtime = None
    wasm = b""

    def __init__(self):
        super().__init__()
        self.mod = self.runtime.instantiate(self.wasm)
        self.memory = self.mod.memory
        self.model = bytearray(self.memory[:])
        self.views = []

    offsets = st.integers(-10, 4 * PAGE + 10) | st.integers(0, 40)
    indices = st.none() | st.integers(-5 * PAGE, 5 * PAGE) | st.integers(0, 40)

    def same(self, real, model, errors):
        try:
            expected = model()
        except errors:
            with pytest.raises(errors):
                real()
        else:
            assert real() == expected

    @rule(index=offsets)
    def get(self, index):
        self.same(lambda: self.memory[index], lambda: self.model[index], IndexError)

    @rule(index=offsets, byte=st.integers(-1, 256))
    def put(self, index, byte):
        self.same(
            lambda: self.memory.__setitem__(index, byte),
            lambda: self.model.__setitem__(index, byte),
            (IndexError, ValueError),
        )

    @rule(start=indices, stop=indices, step=st.sampled_from([None, 1, 2, 7, -1, -3]))
    def get_slice(self, start, stop, step):
        key = slice(start, stop, step)
        assert self.memory[key] == bytes(self.model[key])

    @rule(start=indices, stop=indices, step=st.sampled_from([None, 1, 3, -1]))
    def put_slice(self, start, stop, step):
        key = slice(start, stop, step)
        data = bytes(n % 251 for n in range(len(self.model[key])))
        self.memory[key] = data
        if data:
            self.model[key] = data

    @rule(ptr=st.integers(0, 5 * PAGE), data=st.binary(max_size=40))
    def write(self, ptr, data):
        if ptr + len(data) > len(self.model):
            with pytest.raises(IndexError):
                self.memory.write(ptr, data)
        else:
            self.memory.write(ptr, data)
            self.model[ptr : ptr + len(data)] = data

    @rule(delta=st.integers(0, 2))
    def grow(self, delta):
        pages = len(self.model) // PAGE
        if pages + delta > 4:
            with pytest.raises(wazero.WazeroError):
                self.memory.grow(delta)
        else:
            assert self.memory.grow(delta) == pages
            self.model.extend(bytes(delta * PAGE))

    @rule(ptr=st.integers(0, 4 * PAGE - 1), byte=st.integers(0, 255))
    def guest_store(self, ptr, byte):
        if ptr < len(self.model):
            self.mod.exports.store(ptr, byte)
            self.model[ptr] = byte

    @rule()
    def take_view(self):
        self.views.append(memoryview(self.memory))

    @precondition(lambda self: self.views)
    @rule()
    def drop_view(self):
        self.views.pop()

    @invariant()
    def views_show_the_same(self):
        assert len(self.memory) == len(self.model)
        for view in self.views[-2:]:
            assert view == self.model[: view.nbytes]

    def teardown(self):
        self.mod.close()


def test_against_a_model(shared_rt, wat):
    machine = type("Machine", (Model,), {"runtime": shared_rt, "wasm": wat(WASM)})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None),
    )


@pytest.mark.parametrize("engine", ["compiler", "interpreter"])
def test_limit_of_an_instance(wat, engine):
    wasm = wat(
        """(module (memory (export "memory") 1)
          (func (export "grow") (param i32) (result i32)
            (memory.grow (local.get 0))))"""
    )
    with wazero.Runtime(engine=engine, memory_limit="1MiB") as rt:
        compiled = rt.compile(wasm)
        small = compiled.instantiate(memory_limit=3 * 65536 + 65535)
        large = compiled.instantiate()
        larger = compiled.instantiate(memory_limit="1GiB")
        assert [small.exports.grow(n) for n in (3, 2, 1)] == [-1, 1, -1]
        assert [large.exports.grow(n) for n in (15, 1)] == [1, -1]
        assert [larger.exports.grow(n) for n in (15, 1)] == [1, -1]
        with pytest.raises(wazero.WazeroError):
            small.memory.grow(1)
        assert small.memory.pages == 3
        with pytest.raises(wazero.LinkError, match="begins with 1 pages, over the"):
            compiled.instantiate(memory_limit=65535)
        with pytest.raises(ValueError, match="memory_limit"):
            compiled.instantiate(memory_limit=-1)
        with pytest.raises(TypeError, match="memory_limit"):
            compiled.instantiate(memory_limit=1.5)
