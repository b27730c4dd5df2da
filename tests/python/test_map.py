"""Function.map: the same results as a loop of calls, from any buffers."""

import array
import ctypes
import gc
import math
import struct
import sys
import threading

import numpy
import pytest
import wazero
from hypothesis import given, settings
from hypothesis import strategies as st

WASM = """
(module $maps
  (import "env" "check" (func $check (param i32)))
  (memory (export "memory") 1)
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "add64") (param i64 i64) (result i64)
    (i64.add (local.get 0) (local.get 1)))
  (func (export "addf32") (param f32 f32) (result f32)
    (f32.add (local.get 0) (local.get 1)))
  (func (export "addf64") (param f64 f64) (result f64)
    (f64.add (local.get 0) (local.get 1)))
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "mixed") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
    (local.get 3) (local.get 2) (local.get 1) (local.get 0))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  (func (export "store") (param i32 i32)
    (i32.store (local.get 0) (local.get 1)))
  (func (export "checked") (param i32) (result i32)
    (call $check (local.get 0)) (local.get 0))
  (func (export "nothing"))
  (func (export "constant") (result i32) (i32.const 7))
  (func (export "vector") (param i32 v128))
  (func (export "reference") (param i32) (result externref) (ref.null extern)))
"""

CODES = {"i32": "i", "i64": "q", "f32": "f", "f64": "d"}
KINDS = {"i32": "i4", "i64": "i8", "f32": "f4", "f64": "f8"}
TYPES = list(CODES)


def check(value):
    """What the host function of the module does; tests replace it."""


@pytest.fixture(scope="module")
def mod(shared_rt, wat):
    imports = {"env": {"check": lambda value: check(value)}}
    return shared_rt.instantiate(wat(WASM), imports=imports)


@pytest.fixture(scope="module")
def exports(mod):
    return mod.exports


@pytest.fixture
def checks(monkeypatch):
    def install(function):
        monkeypatch.setattr(sys.modules[__name__], "check", function)

    return install


# ---------------------------------------------------------------- results


def test_first_example(exports):
    result = exports.add.map(
        array.array("i", [1, 2, 3]), array.array("i", [10, 20, 30])
    )
    assert type(result) is array.array
    assert result == array.array("i", [11, 22, 33])


@pytest.mark.parametrize("name", TYPES)
def test_results_are_arrays_of_their_type(exports, name):
    result = exports[name].map(array.array(CODES[name], [1, 2]))
    assert result.typecode == CODES[name]
    assert result.tolist() == [1, 2]
    assert exports[name].map(result) == result


def test_several_results(exports):
    results = exports.mixed.map(
        array.array("i", [1, -2]),
        array.array("q", [3, -4]),
        array.array("f", [0.5, 1.5]),
        array.array("d", [0.1, 0.2]),
    )
    assert results == (
        array.array("d", [0.1, 0.2]),
        array.array("f", [0.5, 1.5]),
        array.array("q", [3, -4]),
        array.array("i", [1, -2]),
    )
    assert [result.typecode for result in results] == ["d", "f", "q", "i"]


def test_no_results(mod):
    addresses = array.array("i", range(0, 400, 4))
    values = array.array("i", range(100, 200))
    assert mod.exports.store.map(addresses, values) is None
    assert mod.memory[:400] == values.tobytes()


def test_many_elements(exports):
    count = 300_000
    numbers = numpy.arange(count, dtype=numpy.int32)
    result = exports.add.map(numbers, numbers[::-1])
    assert numpy.array_equal(result, numpy.full(count, count - 1))


def test_no_elements(exports):
    empty = array.array("i")
    assert exports.add.map(empty, empty) == empty
    assert exports.add.map(b"", 5) == empty
    assert exports.store.map(b"", b"") is None
    assert exports.add.map(numpy.empty((0, 3), "i4"), 1) == empty
    out = bytearray()
    assert exports.add.map(empty, 1, out=out) is out
    assert exports.mixed.map(b"", b"", b"", b"")[0] == array.array("d")


def test_overflow_wraps_as_in_wasm(exports):
    assert exports.add.map(array.array("i", [2**31 - 1]), 1).tolist() == [-(2**31)]
    assert exports.add64.map(array.array("q", [2**63 - 1]), 1).tolist() == [-(2**63)]


# ---------------------------------------------------------------- columns


class Buffer(ctypes.Structure):
    """Py_buffer, to make views that no exporter at hand makes."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    )


KEPT = []


def view_as(data, text, itemsize):
    """A view of bytes that says it has this format."""
    keep = ctypes.create_string_buffer(data, len(data))
    shape = (ctypes.c_ssize_t * 1)(len(data) // itemsize)
    strides = (ctypes.c_ssize_t * 1)(itemsize)
    buffer = Buffer(
        buf=ctypes.addressof(keep),
        len=len(data),
        itemsize=itemsize,
        readonly=1,
        ndim=1,
        format=text,
        shape=shape,
        strides=strides,
    )
    make = ctypes.pythonapi.PyMemoryView_FromBuffer
    make.restype = ctypes.py_object
    KEPT.append((keep, shape, strides, buffer))
    return make(ctypes.byref(buffer))


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("i32", "i I @i @I =i =I =l =L <i <I <l <L"),
        ("i64", "q Q l L n N @q @l @n =q =Q <q <Q"),
        ("f32", "f @f =f <f"),
        ("f64", "d @d =d <d"),
    ],
)
def test_formats(exports, name, formats):
    """Exporters differ in how they write the same format."""
    width = int(KINDS[name][1])
    data = struct.pack(f"<3{CODES[name]}", 1, 2, 3)
    for text in formats.split():
        if struct.calcsize(text) == width:  # "l" has 4 bytes on some machines
            view = view_as(data, text.encode(), width)
            assert exports[name].map(view).tolist() == [1, 2, 3]


WRONG_FORMATS = (
    ">i !i >q >f >d ii 2i i: T{i:a:} P O ? e g h H s x &i Zf < @ = @@i <<i > \xe9"
)


@pytest.mark.parametrize("name", TYPES)
def test_wrong_formats(exports, name):
    width = int(KINDS[name][1])
    for text in WRONG_FORMATS.split(" "):
        view = view_as(bytes(width * 2), text.encode("latin-1"), width)
        with pytest.raises(TypeError, match=rf"argument 1 \({name}\) must have"):
            exports[name].map(view)
    with pytest.raises(TypeError, match="must have"):
        exports[name].map(view_as(bytes(24), CODES[name].encode(), 12 - width))
    with pytest.raises(TypeError, match="must have"):
        exports[name].map(view_as(bytes(24), b"B", 2))
    assert exports[name].map(view_as(bytes(24), None, 1))


def test_unsigned_numbers_are_taken_by_their_bits(exports):
    assert exports.i32.map(array.array("I", [2**32 - 1])).tolist() == [-1]
    assert exports.i64.map(array.array("Q", [2**64 - 1])).tolist() == [-1]
    assert exports.i32.map(numpy.array([2**31], "u4")).tolist() == [-(2**31)]
    out = array.array("I", [0])
    assert exports.add.map(array.array("I", [2**32 - 1]), 0, out=out).tolist() == [
        2**32 - 1
    ]


def test_ctypes(exports):
    assert exports.i32.map((ctypes.c_int32 * 3)(1, 2, 3)).tolist() == [1, 2, 3]
    assert exports.i64.map((ctypes.c_int64 * 2)(-1, 2)).tolist() == [-1, 2]
    assert exports.i64.map((ctypes.c_long * 2)(-1, 2)).tolist() == [-1, 2]
    assert exports.f64.map((ctypes.c_double * 2)(0.5, 2)).tolist() == [0.5, 2]
    out = (ctypes.c_int32 * 2)()
    assert exports.i32.map((ctypes.c_int32 * 2)(4, 5), out=out) is out
    assert list(out) == [4, 5]


@pytest.mark.parametrize("name", TYPES)
def test_bytes(exports, name):
    data = struct.pack(f"<4{CODES[name]}", 1, 2, 3, 4)
    expected = [1, 2, 3, 4]
    for column in (
        data,
        bytearray(data),
        memoryview(data),
        memoryview(data).cast("b"),
        memoryview(data).cast("c"),
        memoryview(data).cast("B", (2, len(data) // 2)),
        numpy.frombuffer(data, "u1"),
        (ctypes.c_char * len(data)).from_buffer_copy(data),
    ):
        assert exports[name].map(column).tolist() == expected


def test_the_guest_s_own_memory(mod):
    """A view of the memory is bytes like others, also as out."""
    numbers = array.array("i", [5, 6, 7])
    mod.memory[0:12] = numbers.tobytes()
    view = memoryview(mod.memory)
    assert mod.exports.add.map(view[:12], 1).tolist() == [6, 7, 8]
    out = view[100:112]
    assert mod.exports.add.map(view[:12], 1, out=out) is out
    assert mod.memory.unpack("<3i", 100) == (6, 7, 8)
    assert len(mod.exports.i32.map(mod.memory)) == 65536 // 4


def test_unaligned(exports):
    data = bytearray(b"\0" + array.array("d", [1.5, 2.5]).tobytes())
    out = bytearray(17)
    view = memoryview(out)[1:]
    exports.f64.map(memoryview(data)[1:], out=view)
    assert view.cast("d").tolist() == [1.5, 2.5]
    assert out[0] == 0


@pytest.mark.parametrize("step", [1, 2, 3, -1, -2, -7])
@pytest.mark.parametrize("name", TYPES)
def test_strides(exports, name, step):
    numbers = numpy.arange(20, dtype=KINDS[name])
    assert exports[name].map(numbers[::step]).tolist() == numbers[::step].tolist()
    view = memoryview(array.array(CODES[name], range(20)))
    assert exports[name].map(view[::step]).tolist() == view[::step].tolist()
    out = numpy.zeros(20, KINDS[name])
    part = out[::step]
    assert exports[name].map(numbers[: len(part)], out=part) is part
    assert numpy.array_equal(part, numbers[: len(part)])
    assert numpy.count_nonzero(out) == len(part) - 1


def test_broadcast_columns_of_numpy(exports):
    """A stride of 0 repeats, whoever says so."""
    column = numpy.broadcast_to(numpy.int32(4), 3)
    assert exports.add.map(column, array.array("i", [1, 2, 3])).tolist() == [5, 6, 7]


def test_fields_of_records(exports):
    records = numpy.array([(1, 2.5), (3, 4.5)], dtype=[("a", "<i4"), ("b", "<f8")])
    assert exports.i32.map(records["a"]).tolist() == [1, 3]
    assert exports.f64.map(records["b"]).tolist() == [2.5, 4.5]


def test_several_dimensions(exports):
    grid = numpy.arange(6, dtype=numpy.int32).reshape(2, 3)
    assert exports.add.map(grid, 10).tolist() == [10, 11, 12, 13, 14, 15]
    out = numpy.zeros((2, 3), "i4")
    assert exports.add.map(grid, grid, out=out) is out
    assert numpy.array_equal(out, grid * 2)
    cube = memoryview(bytes(32)).cast("i", (2, 2, 2))
    assert exports.i32.map(cube).tolist() == [0] * 8


def test_numbers_repeat(exports):
    column = array.array("i", [1, 2, 3])
    for five in (5, numpy.int8(5), numpy.int64(5), numpy.array(5), True + 4):
        assert exports.add.map(column, five).tolist() == [6, 7, 8]
        assert exports.add.map(five, column).tolist() == [6, 7, 8]
    assert exports.add.map(column, 2**32 - 1).tolist() == [0, 1, 2]
    doubles = array.array("d", [1, 2])
    for half in (0.5, numpy.float32(0.5), numpy.float64(0.5), numpy.array(0.5)):
        assert exports.addf64.map(doubles, half).tolist() == [1.5, 2.5]
    assert exports.addf32.map(array.array("f", [1]), 0.1).tolist() == [
        float(numpy.float32(1) + numpy.float32(0.1))
    ]
    assert exports.mixed.map(column, -1, 0.5, 0.25)[2].tolist() == [-1, -1, -1]


def test_any_number_of_columns(rt, wat):
    count = 40
    params = " ".join(["i32"] * count)
    adds = "".join(f"(local.get {n}) (i32.add)" for n in range(1, count))
    mod = rt.instantiate(
        wat(
            f"""(module (func (export "sum") (param {params}) (result i32)
            (local.get 0) {adds}))"""
        )
    )
    columns = [array.array("i", [n, n * 2, n * 3]) for n in range(count)]
    total = sum(range(count))
    assert mod.exports.sum.map(*columns).tolist() == [total, total * 2, total * 3]


NANS32 = [0x7F800001, 0x7FC00000, 0xFFC00001, 0xFFA00001, 0x80000000, 0x7F800000]
NANS64 = [0x7FF0000000000001, 0x7FF8000000000000, 0xFFF4000000000001, 1 << 63]


def test_every_bit_of_floats_stays(exports):
    bits = numpy.array(NANS32, "u4")
    result = numpy.asarray(exports.f32.map(bits.view("f4")))
    assert numpy.array_equal(result.view("u4"), bits)
    bits = numpy.array(NANS64, "u8")
    result = numpy.asarray(exports.f64.map(bits.view("f8")))
    assert numpy.array_equal(result.view("u8"), bits)
    assert math.isnan(exports.f32.map(array.array("f", [math.nan]))[0])


def test_pyarrow(exports):
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array([1, 2, 3], pyarrow.int32())
    assert exports.add.map(column.buffers()[1][:12], 5).tolist() == [6, 7, 8]
    out = pyarrow.allocate_buffer(12)
    assert exports.add.map(column.buffers()[1][:12], 5, out=out) is out
    made = pyarrow.Array.from_buffers(pyarrow.int32(), 3, [None, out])
    assert made.to_pylist() == [6, 7, 8]


# ---------------------------------------------------------------- out


def test_out(exports):
    column = array.array("i", [1, 2, 3])
    for out in (
        array.array("i", [0] * 3),
        array.array("I", [0] * 3),
        bytearray(12),
        numpy.zeros(3, "i4"),
        memoryview(bytearray(12)),
        memoryview(bytearray(12)).cast("i"),
    ):
        assert exports.add.map(column, 1, out=out) is out
        assert bytes(out) == array.array("i", [2, 3, 4]).tobytes()
    assert exports.add.map(column, 1, out=None).tolist() == [2, 3, 4]


def test_out_of_several(exports):
    columns = [array.array(code, [1, 2]) for code in "iqfd"]
    for kind in (tuple, list):
        out = kind(array.array(code, [0, 0]) for code in "dfqi")
        assert exports.mixed.map(*columns, out=out) is out
        assert list(out) == columns[::-1]


def test_in_place(exports):
    column = array.array("i", range(10_000))
    assert exports.add.map(column, column, out=column) is column
    assert column.tolist() == list(range(0, 20_000, 2))
    numbers = numpy.arange(10, dtype="i4")
    backwards = numbers[::-1]
    exports.add.map(backwards, 1, out=backwards)
    assert numbers.tolist() == list(range(1, 11))


def test_overlapping_parts_see_what_was_written(exports):
    """As documented: one element after another."""
    numbers = numpy.ones(6, "i4")
    exports.add.map(numbers[:-1], numbers[1:], out=numbers[1:])
    assert numbers.tolist() == [1, 2, 3, 4, 5, 6]


def test_interleaved_parts_do_not_disturb(exports):
    numbers = numpy.arange(10, dtype="i4")
    exports.add.map(numbers[0::2], 100, out=numbers[1::2])
    assert numbers.tolist() == [0, 100, 2, 102, 4, 104, 6, 106, 8, 108]


@pytest.mark.parametrize(
    ("out", "error", "text"),
    [
        (array.array("i", [0]), ValueError, "has 1 element, but there are 3 calls"),
        (bytearray(11), ValueError, "has 11 bytes, which is no multiple of 4"),
        (bytearray(16), ValueError, "has 4 elements, but there are 3 calls"),
        (array.array("q", [0] * 3), TypeError, "must have integers of 4 bytes"),
        (array.array("f", [0] * 3), TypeError, "must have integers of 4 bytes"),
        (numpy.zeros(3, ">i4"), TypeError, "must have integers of 4 bytes"),
        (
            numpy.zeros((3, 2), "i4")[:, :1],
            ValueError,
            "must have one dimension or be C-cont",
        ),
        (bytes(12), TypeError, "must be writable"),
        (3, TypeError, "must be a buffer, not int"),
        ([0, 0, 0], TypeError, "must be a buffer, not list"),
        ((bytearray(12),), TypeError, "must be a buffer, not tuple"),
        (numpy.int32(3), TypeError, "must be a buffer, not numpy.int32"),
        (numpy.array(3), TypeError, "must be a buffer, not numpy.ndarray"),
    ],
)
def test_wrong_out(exports, out, error, text):
    column = array.array("i", [1, 2, 3])
    with pytest.raises(error, match=rf"add\.map\(\) argument 'out' \(i32\) {text}"):
        exports.add.map(column, 1, out=out)


def test_read_only_out(exports):
    out = numpy.zeros(3, "i4")
    out.flags.writeable = False
    with pytest.raises(TypeError, match="must be writable"):
        exports.add.map(array.array("i", [1, 2, 3]), 1, out=out)
    with pytest.raises(TypeError, match="must be writable"):
        exports.add.map(bytes(12), 1, out=memoryview(bytearray(12)).toreadonly())


def test_wrong_out_of_several(exports):
    columns = [array.array(code, [1, 2]) for code in "iqfd"]
    good = [array.array(code, [0, 0]) for code in "dfqi"]
    prefix = r"mixed\.map\(\) argument 'out'"
    for out, error, text in (
        (good[:3], ValueError, " must have 4 buffers, not 3"),
        ([*good, good[0]], ValueError, " must have 4 buffers, not 5"),
        (good[0], TypeError, " must be a tuple or a list of 4 buffers, not array"),
        (iter(good), TypeError, " must be a tuple or a list of 4 buffers"),
        ([*good[:3], bytes(8)], TypeError, r"\[3\] \(i32\) must be writable"),
        ([*good[:3], None], TypeError, r"\[3\] \(i32\) must be a buffer, not None"),
        (good[::-1], TypeError, r"\[0\] \(f64\) must have floats of 8 bytes"),
    ):
        with pytest.raises(error, match=prefix + text):
            exports.mixed.map(*columns, out=out)
    assert exports.mixed.map(*columns, out=good) is good


def test_out_of_a_function_without_results(exports):
    for out in ((), bytearray()):
        with pytest.raises(TypeError, match=r"store\.map\(\) takes no argument 'out'"):
            exports.store.map(b"", b"", out=out)
    assert exports.store.map(b"", b"", out=None) is None


# ---------------------------------------------------------------- wrong columns


def test_wrong_counts(exports):
    column = array.array("i", [1])
    for columns, text in (
        ((), r"add\.map\(\) takes 2 columns \(i32, i32\) but 0 were given"),
        ((column,), r"add\.map\(\) takes 2 columns \(i32, i32\) but 1 was given"),
        ((column,) * 3, r"add\.map\(\) takes 2 columns \(i32, i32\) but 3 were given"),
    ):
        with pytest.raises(TypeError, match=text):
            exports.add.map(*columns)
    with pytest.raises(TypeError, match=r"i32\.map\(\) takes 1 column \(i32\) but 2"):
        exports.i32.map(column, column)


def test_functions_without_parameters(exports):
    for name in ("nothing", "constant"):
        for columns in ((), (b"abcd",)):
            with pytest.raises(
                TypeError,
                match=rf"{name}\.map\(\): the function takes no arguments, so there is",
            ):
                exports[name].map(*columns)


def test_only_numbers(exports):
    for columns in ((1, 2), (1, numpy.int32(2)), (numpy.array(1), True)):
        with pytest.raises(TypeError, match=r"add\.map\(\) needs a buffer among its"):
            exports.add.map(*columns)
    with pytest.raises(TypeError, match="needs a buffer"):
        exports.add.map(1, 2, out=bytearray(4))


def test_lengths_that_differ(exports):
    text = r"add\.map\(\) argument 2 \(i32\) has 3 elements, but argument 1 has 2"
    with pytest.raises(ValueError, match=text):
        exports.add.map(array.array("i", [1, 2]), array.array("i", [1, 2, 3]))
    text = r"mixed\.map\(\) argument 4 \(f64\) has 0 elements, but argument 3 has 1"
    with pytest.raises(ValueError, match=text):
        exports.mixed.map(1, 2, array.array("f", [1]), array.array("d"))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize(
    "column",
    [
        array.array("h", [1, 2]),
        array.array("H", [1, 2]),
        numpy.zeros(2, "f2"),
        numpy.zeros(2, "?"),
        numpy.zeros(2, "c8"),
        numpy.zeros(2, "g"),
        numpy.zeros(2, [("a", "i4"), ("b", "i4")]),
        numpy.zeros(2, ">i4"),
        numpy.zeros(2, ">i8"),
        numpy.zeros(2, ">f8"),
        numpy.array(["abcd"], "S4"),
        numpy.array(["abcd"], "U4"),
        numpy.array([None], "O"),
        (ctypes.c_void_p * 2)(),
        (ctypes.c_bool * 4)(),
    ],
    ids=lambda column: memoryview(column).format,
)
def test_wrong_elements(exports, name, column):
    text = rf"{name}\.map\(\) argument 1 \({name}\) must have \w+ of \d bytes in the"
    with pytest.raises(TypeError, match=text) as caught:
        exports[name].map(column)
    assert repr(memoryview(column).format) in str(caught.value)


def test_types_are_not_converted(exports):
    arrays = {name: array.array(code, [1, 2]) for name, code in CODES.items()}
    for name in TYPES:
        for other in TYPES:
            if other == name:
                continue
            with pytest.raises(TypeError, match=f"not format '{CODES[other]}'"):
                exports[name].map(arrays[other])


def test_bytes_that_do_not_fit(exports):
    with pytest.raises(ValueError, match="has 3 bytes, which is no multiple of 4"):
        exports.i32.map(b"abc")
    with pytest.raises(ValueError, match="has 12 bytes, which is no multiple of 8"):
        exports.f64.map(bytearray(12))
    with pytest.raises(ValueError, match="must be contiguous if it is bytes"):
        exports.i32.map(memoryview(bytes(16))[::2])


def test_dimensions_that_are_not_contiguous(exports):
    grid = numpy.zeros((4, 4), "i4")
    for part in (grid[:, :2], grid.T[1:], grid[::2]):
        with pytest.raises(
            ValueError, match=r"argument 1 \(i32\) must have one dimension or be C-"
        ):
            exports.i32.map(part)


@pytest.mark.parametrize(
    "value", ["1234", [1, 2], None, object(), 1j, {1: 2}, range(3)]
)
@pytest.mark.parametrize("name", TYPES)
def test_wrong_types(exports, name, value):
    kind = "an integer" if name[0] == "i" else "a number"
    text = rf"{name}\.map\(\) argument 1 \({name}\) must be a buffer or {kind}, not "
    with pytest.raises(TypeError, match=text + type(value).__name__):
        exports[name].map(value)


def test_wrong_numbers(exports):
    column = array.array("i", [1])
    with pytest.raises(OverflowError, match=r"add\.map\(\) argument 2 \(i32\) is out"):
        exports.add.map(column, 2**32)
    with pytest.raises(
        TypeError, match=r"argument 2 \(i32\) must be a buffer or an in"
    ):
        exports.add.map(column, 1.5)

    class Bad:
        def __index__(self):
            raise ZeroDivisionError("from __index__")

    with pytest.raises(ZeroDivisionError, match="from __index__"):
        exports.add.map(column, Bad())


def test_unknown_keywords(exports):
    with pytest.raises(TypeError, match=r"add\.map\(\) takes no keyword argument 'b'"):
        exports.add.map(b"", b"", b=1)


def test_references_cannot_be_mapped(exports):
    for columns in ((bytes(4), bytes(4)), ()):
        with pytest.raises(TypeError, match=r"reference\.map\(\): only .* a externref"):
            exports.reference.map(*columns)


def test_vectors(rt, wat):
    swizzle = rt.instantiate(
        wat("""(module (func (export "f") (param v128 v128) (result v128)
            (i8x16.add (local.get 0) (local.get 1))))""")
    ).exports.f
    assert swizzle.map(bytes(range(32)), 1) == b"\1" + bytes(range(1, 16)) + (
        b"\x11" + bytes(range(17, 32))
    )
    out = bytearray(16)
    assert swizzle.map(bytes(16), b"\2" * 16, out=out) is out and out == b"\2" * 16
    with pytest.raises(ValueError, match="has 15 bytes, which is no multiple of 16"):
        swizzle.map(bytes(15), 1)
    with pytest.raises(
        TypeError, match=r"\(v128\) must have 16 bytes each or be bytes"
    ):
        swizzle.map(array.array("i", [1] * 4), 1)


def test_released_views(exports):
    view = memoryview(bytes(8))
    view.release()
    with pytest.raises(ValueError, match="released"):
        exports.i32.map(view)


class Raising:
    def __buffer__(self, flags):
        raise ZeroDivisionError("from __buffer__")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ came with 3.12")
def test_exporters_that_raise(exports):
    with pytest.raises(ZeroDivisionError, match="from __buffer__"):
        exports.i32.map(Raising())
    with pytest.raises(ZeroDivisionError, match="from __buffer__"):
        exports.i32.map(b"abcd", out=Raising())


# ---------------------------------------------------------------- failing calls


def test_traps_say_where(exports):
    divisors = array.array("i", [1, 2, 0, 4])
    out = array.array("i", [-9] * 4)
    with pytest.raises(wazero.Trap) as caught:
        exports.divide.map(12, divisors, out=out)
    assert caught.value.code is wazero.TrapCode.INTEGER_DIVIDE_BY_ZERO
    assert caught.value.element == 2
    assert caught.value.__notes__[-1] == "at element 2"
    assert out.tolist() == [12, 6, -9, -9]
    assert exports.divide.map(12, array.array("i", [3])).tolist() == [4]


def test_exceptions_of_host_functions_say_where(exports, checks):
    raised = KeyError("from the host")

    def fail(value):
        if value == 30:
            raise raised

    checks(fail)
    with pytest.raises(KeyError) as caught:
        exports.checked.map(array.array("i", range(0, 100, 10)))
    assert caught.value is raised
    assert raised.element == 3
    assert "at element 3" in raised.__notes__


class Slotted(BaseException):
    __slots__ = ()

    def __setattr__(self, name, value):
        raise RuntimeError("no attributes")

    def add_note(self, note):
        raise RuntimeError("no notes")


def test_exceptions_that_take_no_attributes(exports, checks):
    def fail(value):
        raise Slotted

    checks(fail)
    with pytest.raises(Slotted):
        exports.checked.map(bytes(8))


def test_closed(rt, wat):
    mod = rt.instantiate(wat(WASM), imports={"env": {"check": lambda value: None}})
    add = mod.exports.add
    mod.close()
    with pytest.raises(wazero.ClosedError):
        add.map(array.array("i", [1]), 2)


def test_closed_by_a_host_function(rt, wat):
    def close(value):
        if value == 5:
            mod.close()

    mod = rt.instantiate(wat(WASM), imports={"env": {"check": close}})
    with pytest.raises(wazero.ClosedError) as caught:
        mod.exports.checked.map(array.array("i", range(10)))
    assert caught.value.element == 5


def test_closed_by_a_conversion(rt, wat):
    class Closing:
        def __index__(self):
            mod.close()
            return 1

    mod = rt.instantiate(wat(WASM), imports={"env": {"check": lambda value: None}})
    with pytest.raises(wazero.ClosedError):
        mod.exports.add.map(array.array("i", [1]), Closing())


def test_nested(exports, checks):
    """The host function maps and calls the same function and others."""
    depth = []

    def nest(value):
        if value > 0 and len(depth) < 5:
            depth.append(value)
            exports.checked.map(array.array("i", [value - 1, value - 2]))
            assert exports.add.map(bytes(8), value).tolist() == [value] * 2
            depth.pop()

    checks(nest)
    numbers = array.array("i", [3, 2, 1])
    assert exports.checked.map(numbers) == numbers


def test_buffers_are_held(exports, checks):
    """Nobody can resize them during the calls; afterwards everybody can."""
    column, out = array.array("i", [1, 2, 3]), bytearray(12)
    tried = []

    def grow(value):
        for change in (lambda: column.append(4), lambda: out.append(0)):
            try:
                change()
            except BufferError:
                tried.append(value)

    checks(grow)
    exports.checked.map(column, out=out)
    assert tried == [1, 1, 2, 2, 3, 3]
    column.append(4)
    out.append(0)


def test_buffers_are_released_after_errors(exports):
    column, out = array.array("i", [1, 0]), bytearray(8)
    for use in (
        lambda: exports.divide.map(column, column, out=out),
        lambda: exports.add.map(column, bytes(3), out=out),
        lambda: exports.add.map(column, object(), out=out),
        lambda: exports.add.map(column, 1, out=memoryview(out)[:4]),
        lambda: exports.add.map(column, 1, timeout="x"),
    ):
        with pytest.raises((wazero.Trap, TypeError, ValueError)):
            use()
        gc.collect()
        column.append(1)
        out.append(1)
        del column[-1], out[-1]


def test_references_are_counted(exports):
    column = array.array("i", [1, 2])
    big = 10**5
    before = sys.getrefcount(column), sys.getrefcount(big)
    for _ in range(100):
        out = exports.add.map(column, big)
        assert exports.add.map(column, big, out=out) is out
        assert sys.getrefcount(out) == 2
        with pytest.raises(TypeError):
            exports.add.map(column, "x", out=column)
    assert (sys.getrefcount(column), sys.getrefcount(big)) == before


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("timeout", [None, 0.5e3, 10**6, math.inf, 10**400])
def test_timeouts_that_do_not_come(exports, timeout):
    assert exports.i32.map(b"abcd", timeout=timeout)


def test_wrong_timeouts(exports):
    for timeout in (-1, -0.001, math.nan, -math.inf, -(10**400)):
        with pytest.raises(
            ValueError, match=r"i32\.map\(\) argument 'timeout' must be"
        ):
            exports.i32.map(b"abcd", timeout=timeout)
    for timeout in ("1", b"1", [1], object()):
        with pytest.raises(TypeError, match=r"i32\.map\(\) argument 'timeout' must be"):
            exports.i32.map(b"abcd", timeout=timeout)


def test_two_threads(shared_rt, wat):
    """Each in an instance of its own, on the same columns."""
    imports = {"env": {"check": lambda value: None}}
    mods = [shared_rt.instantiate(wat(WASM), imports=imports) for _ in range(2)]
    column = array.array("i", range(200_000))
    results = {}

    def work(number):
        for _ in range(5):
            results[number] = mods[number].exports.add.map(column, number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number in range(2):
        assert results[number].tolist() == list(range(number, 200_000 + number))


# ---------------------------------------------------------------- the same as calls

INTEGERS = {
    "i32": st.integers(-(2**31), 2**31 - 1),
    "i64": st.integers(-(2**63), 2**63 - 1),
    "f32": st.integers(0, 2**32 - 1),
    "f64": st.integers(0, 2**64 - 1),
}
ADDERS = {"i32": "add", "i64": "add64", "f32": "addf32", "f64": "addf64"}


def column_of(name, numbers):
    """Integers are themselves, floats have their bits."""
    if name[0] == "i":
        return numpy.array(numbers, KINDS[name])
    return numpy.array(numbers, "u" + KINDS[name][1]).view(KINDS[name])


def bits(column):
    return numpy.asarray(column).tobytes()


@given(data=st.data(), name=st.sampled_from(TYPES))
@settings(max_examples=300, deadline=None)
def test_the_same_as_calls(exports, data, name):
    count = data.draw(st.integers(0, 20))
    numbers = st.lists(INTEGERS[name], min_size=count, max_size=count)
    one, two = (column_of(name, data.draw(numbers)) for _ in range(2))
    step = data.draw(st.sampled_from([1, 2, -1, -3]))
    one, two = one[::step], two[::step]
    function = exports[ADDERS[name]]
    with numpy.errstate(all="ignore"):
        called = [
            function(*pair) for pair in zip(one.tolist(), two.tolist(), strict=True)
        ]
    mapped = function.map(one, two)
    expected = array.array(CODES[name], called)
    if name[0] == "i":
        assert mapped == expected
    else:  # which NaN comes out of an addition is not said
        assert numpy.array_equal(mapped, expected, equal_nan=True)
    identity = exports[name]
    assert bits(identity.map(one)) == bits(one)
    assert bits(identity.map(numpy.ascontiguousarray(one).tobytes())) == bits(one)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**31), 2**31 - 1),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(width=32, allow_nan=False),
            st.floats(allow_nan=False),
        ),
        max_size=20,
    )
)
@settings(deadline=None)
def test_mixed_columns_are_the_same_as_calls(exports, rows):
    columns = [
        array.array(code, [row[n] for row in rows]) for n, code in enumerate("iqfd")
    ]
    called = [exports.mixed(*row) for row in rows]
    mapped = exports.mixed.map(*columns)
    assert list(zip(*mapped, strict=True)) == called


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
@settings(deadline=None)
def test_failing_at_the_same_element(exports, divisors):
    first = divisors.index(0) if 0 in divisors else None
    column = array.array("i", divisors)
    if first is None:
        expected = [exports.divide(100, divisor) for divisor in divisors]
        assert exports.divide.map(100, column).tolist() == expected
    else:
        with pytest.raises(wazero.Trap) as caught:
            exports.divide.map(100, column)
        assert caught.value.element == first
