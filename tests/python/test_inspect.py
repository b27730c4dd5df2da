"""wazero.inspect and Inspection, custom sections, and the definitions in them."""

import gc
import json
import pickle
import time
import weakref

import pytest
import wazero

WAT = """
(module $shape
  (type $binary (func (param i32 i64) (result f64)))
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global $base i32))
  (table $t (export "table") 2 5 funcref)
  (memory $m (export "memory") 1 3)
  (global $counter (export "counter") (mut i64) (i64.const -7))
  (global $half (export "half") f32 (f32.const 0.5))
  (func $calculate (export "calculate") (export "calc") (type $binary)
    (f64.const 1))
  (func $begin)
  (start $begin)
  (elem (i32.const 1) func $calculate)
  (data (i32.const 16) "hello")
  (data "passive"))
"""


def with_custom(wasm, name, content):
    """The module with a custom section at its end."""
    body = bytes([len(name)]) + name + content
    return wasm + b"\0" + bytes([len(body)]) + body


@pytest.fixture
def wasm(wat):
    return with_custom(wat(WAT), b"note", b"some text")


def test_parts(wasm):
    info = wazero.inspect(wasm)
    assert info.name == "shape"
    assert [(one.module, one.name, one.kind) for one in info.imports] == [
        ("env", "log", "function"),
        ("env", "base", "global"),
    ]
    assert [one.name for one in info.exports] == [
        "table",
        "memory",
        "counter",
        "half",
        "calculate",
        "calc",
    ]
    assert info.start == 2
    assert info.types[0] == (("i32", "i64"), ("f64",))
    assert info.tables[0].type == ("funcref", 2, 5)
    assert info.tables[0].export_names == ("table",)
    assert info.memories[0].type == (1, 3, False)
    assert info.tags == ()
    base, counter, half = info.globals
    assert (base.import_module, base.import_name, base.init) == ("env", "base", None)
    assert counter.type == ("i64", True)
    assert counter.init == ("i64.const", -7)
    assert half.init == ("f32.const", 0.5)
    assert info.names.functions == {0: "log", 1: "calculate", 2: "begin"}
    with pytest.raises(TypeError):
        info.names.functions[0] = "other"


def test_functions(wasm):
    log, calculate, begin = wazero.inspect(wasm).functions
    assert (log.import_module, log.import_name, log.code_size) == ("env", "log", 0)
    assert calculate.index == 1
    assert calculate.type == (("i32", "i64"), ("f64",))
    assert (calculate.params, calculate.results) == (("i32", "i64"), ("f64",))
    assert calculate.debug_name == "shape.calculate"
    assert calculate.export_names == ("calculate", "calc")
    assert wasm[calculate.code_offset :][: calculate.code_size].endswith(b"\x0b")
    assert begin.export_names == ()
    assert not begin.is_host


def test_locals(wat):
    wasm = wat(
        "(module (func (param f32) (local i32 i32 i64)) (func) "
        "(func (local externref v128)))"
    )
    one, two, three = wazero.inspect(wasm).functions
    assert one.locals == ((2, "i32"), (1, "i64"))
    assert two.locals == ()
    assert three.locals == ((1, "externref"), (1, "v128"))
    with wazero.Runtime() as runtime:
        assert runtime.compile(wasm).inspect().functions[0].locals == one.locals


def test_many_locals():
    """A group is one pair, however many locals it has."""
    code = bytes([1, 6, 1, 0xD0, 0x86, 3, 0x7F, 0x0B])
    wasm = b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\x08" + code
    assert wazero.inspect(wasm).functions[0].locals == ((50_000, "i32"),)


def test_segments_and_sections(wasm):
    info = wazero.inspect(wasm)
    (element,) = info.elements
    assert (element.mode, element.table, element.offset) == ("active", 0, 1)
    assert (element.type, element.count) == ("funcref", 1)
    active, passive = info.data
    assert (active.mode, active.memory, active.offset, active.size) == (
        "active",
        0,
        16,
        5,
    )
    assert wasm[active.position :][: active.size] == b"hello"
    assert (passive.mode, passive.memory, passive.expression) == ("passive", None, None)
    position = 8
    for section in info.sections:
        assert section.offset == position
        position += section.size
    assert position == len(wasm)


def test_custom_sections(wasm):
    note = wazero.inspect(wasm).custom_sections[-1]
    assert (note.name, note.data, len(note), note.size) == ("note", b"some text", 9, 9)
    view = memoryview(note)
    assert view.readonly
    assert bytes(view) == b"some text"
    assert "note" in repr(note)
    with wazero.Runtime() as runtime:
        compiled = runtime.compile(wasm)
        assert [one.name for one in compiled.custom_sections] == ["name", "note"]
        compiled.close()
        assert compiled.custom_sections[1].data == b"some text"
        assert compiled.inspect().custom_sections[1].data == b"some text"
    with wazero.Runtime(custom_sections=False) as runtime:
        assert runtime.compile(wasm).custom_sections == ()


def test_text_and_json(wasm):
    info = wazero.inspect(wasm)
    assert "shape" in repr(info)
    assert "function calculate: (i32, i64) -> (f64)" in str(info)
    assert "function env.log: (i32) -> ()" in str(info)
    assert "note (custom)" in str(info)
    plain = json.loads(json.dumps(info.to_dict()))
    assert plain["functions"][1]["debug_name"] == "shape.calculate"
    assert plain["custom_sections"][-1]["name"] == "note"
    assert plain["globals"][1]["init"] == {"op": "i64.const", "value": -7}


def test_definitions_can_be_pickled(wasm):
    info = wazero.inspect(wasm)
    for part in (info.functions, info.globals, info.elements, info.data, info.sections):
        assert pickle.loads(pickle.dumps(part)) == part


def test_path(wasm, tmp_path):
    path = tmp_path / "shape.wasm"
    path.write_bytes(wasm)
    assert wazero.inspect(path).name == "shape"
    assert wazero.inspect(bytearray(wasm)).name == "shape"


def test_it_lives_by_itself(wasm):
    """What it tells is borrowed from bytes, or from a CompiledModule, that it keeps."""
    section = wazero.inspect(bytearray(wasm)).custom_sections[-1]
    gc.collect()
    assert section.data == b"some text"
    with wazero.Runtime() as runtime:
        compiled = runtime.compile(wasm)
        gone = weakref.ref(compiled)
        info = compiled.inspect()
        del compiled
        assert info.functions[1].name == "calculate"
        assert gone() is not None
        del info
        gc.collect()
        assert gone() is None


def test_it_starts_no_engine(python, wasm, tmp_path):
    path = tmp_path / "shape.wasm"
    path.write_bytes(wasm)
    python(
        """
import pathlib, sys, wazero
assert wazero.inspect(pathlib.Path(sys.argv[1])).functions[1].name == "calculate"
assert "wazero_engine" not in pathlib.Path("/proc/self/maps").read_text()
""",
        str(path),
    )


@pytest.mark.parametrize("size", [0, 3, 8, 20, 60])
def test_truncated(wasm, size):
    if size == 8:
        assert wazero.inspect(wasm[:8]).sections == ()
        return
    with pytest.raises(wazero.CompileError):
        wazero.inspect(wasm[:size])


def test_wrong_arguments(wasm):
    with pytest.raises(TypeError, match="bytes-like"):
        wazero.inspect(5)
    with pytest.raises(TypeError):
        wazero.inspect()
    with pytest.raises(TypeError, match="features"):
        wazero.inspect(wasm, features="simd")
    with pytest.raises(ValueError, match="no-such-thing"):
        wazero.inspect(wasm, features=["no-such-thing"])
    with pytest.raises(OSError):
        wazero.inspect(__import__("pathlib").Path("/no/such/file"))
    with pytest.raises(TypeError):
        wazero.Inspection()


def test_features(wat):
    tags = wat("(module (tag (export " + '"t"' + ") (param i32)))")
    assert wazero.inspect(tags).tags[0].type == (("i32",),)
    with pytest.raises(wazero.CompileError, match="exception-handling"):
        wazero.inspect(tags, features=[])


# ---- numbers in a memory ----


def large_module(count):
    """So many functions, exports and names of functions and parameters."""

    def leb(number):
        more = number >> 7
        return bytes([number & 0x7F | 0x80]) + leb(more) if more else bytes([number])

    def section(number, *parts):
        content = b"".join(parts)
        return bytes([number]) + leb(len(content)) + content

    numbers = [leb(index) for index in range(count)]
    texts = [b"\x06%06d" % index for index in range(count)]
    return b"\0asm\1\0\0\0" + b"".join(
        (
            section(1, b"\1\x60\1\x7f\0"),
            section(3, leb(count), b"\0" * count),
            section(
                7,
                leb(count),
                *(t + b"\0" + n for t, n in zip(texts, numbers, strict=True)),
            ),
            section(10, leb(count), b"\2\0\x0b" * count),
            section(
                0,
                b"\4name",
                section(
                    1, leb(count), *(n + t for t, n in zip(texts, numbers, strict=True))
                ),
                section(2, leb(count), *(n + b"\1\0\1p" for n in numbers)),
            ),
        )
    )


def inspected(wasm):
    """The least time that this thread works for a look at all there is."""
    times = []
    for _ in range(5):
        start = time.thread_time()
        seen = wazero.inspect(wasm)
        assert seen.functions[-1].param_names == ("p",)
        assert seen.functions[-1].export_names == (seen.functions[-1].name,)
        assert len(seen.exports) == len(seen.names.functions)
        times.append(time.thread_time() - start)
    return min(times)


def test_it_is_linear():
    """Ten times as much takes ten times as long; the square would be a hundred."""
    assert inspected(large_module(40_000)) < 40 * inspected(large_module(4000))


@pytest.fixture
def memory(rt):
    return wazero.Memory(rt, 1)


INTEGERS = [(kind, bits) for kind in "ui" for bits in (8, 16, 32, 64)]


@pytest.mark.parametrize(("kind", "bits"), INTEGERS)
def test_integers(memory, kind, bits):
    read = getattr(memory, f"read_{kind}{bits}")
    write = getattr(memory, f"write_{kind}{bits}")
    low = 0 if kind == "u" else -(1 << (bits - 1))
    high = (1 << bits) - 1 if kind == "u" else (1 << (bits - 1)) - 1
    size = bits // 8
    for value in (low, 0, 1, high):
        write(5, value)
        assert read(5) == value
        assert memory[5 : 5 + size] == value.to_bytes(size, "little", signed=low < 0)
    for value in (low - 1, high + 1, 1 << 70, -(1 << 70)):
        with pytest.raises(OverflowError, match=f"{bits} bits"):
            write(5, value)
    last = 65536 - size
    write(last, high)
    assert read(ptr=last) == high
    for ptr in (last + 1, 1 << 80):
        with pytest.raises(IndexError):
            read(ptr)
        with pytest.raises(IndexError):
            write(ptr, 0)
    with pytest.raises(IndexError):
        read(-1)
    with pytest.raises(TypeError):
        write(0, 1.5)
    with pytest.raises(TypeError):
        read("0")


@pytest.mark.parametrize(("bits", "code"), [(32, "<f"), (64, "<d")])
def test_floats(memory, bits, code):
    read = getattr(memory, f"read_f{bits}")
    write = getattr(memory, f"write_f{bits}")
    for value in (0.5, -0.0, 1e30, float("inf"), 3):
        write(8, value)
        assert read(8) == pytest.approx(value)
        assert memory.unpack(code, 8) == (read(8),)
    with pytest.raises(TypeError):
        write(8, "1")
    with pytest.raises(IndexError):
        read(65536 - bits // 8 + 1)


def test_numbers_of_a_closed_module(rt, wat):
    module = rt.instantiate(wat('(module (memory (export "m") 1))'))
    memory = module.memory
    module.close()
    with pytest.raises(wazero.ClosedError):
        memory.read_u32(0)
    with pytest.raises(wazero.ClosedError):
        memory.write_u32(0, 1)
