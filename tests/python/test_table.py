"""Table: elements, slices, growing, looking up, and tables that the host makes."""

import pathlib
import weakref

import pytest
import wazero

WASM = pathlib.Path(__file__).parent.parent / "wasm"
REFERENCES = (WASM / "references.wasm").read_bytes()


@pytest.fixture(params=["compiler", "interpreter"])
def rt(request):
    with wazero.Runtime(engine=request.param) as runtime:
        yield runtime


@pytest.fixture
def mod(rt):
    return rt.instantiate(REFERENCES)


def test_functions(mod):
    table = mod.exports.functions
    assert table is mod.exports["functions"] and table.module is mod
    assert table.name == "functions" and table.type == ("funcref", 4, 8)
    assert repr(table) == "<wazero.Table functions: funcref>"
    assert len(table) == 4
    assert [f and f.name for f in table] == ["double", "hidden", None, None]
    assert table[0] == mod.exports.double and table[-3](1) == 101
    table[2] = table[1]
    assert mod.exports.call(2, 5) == 105
    table[2] = None
    assert table[2] is None
    assert mod.exports.double in table
    with pytest.raises(TypeError, match=r"an element of table 'functions' \(funcref\)"):
        table[0] = 1


def test_objects(mod):
    table = mod.exports.objects
    thing = object()
    table[1] = thing
    assert table[1] is thing and mod.exports.take(1) is thing
    mod.exports.put(2, "x")
    assert list(table) == [None, thing, "x", None]
    assert table.get(2) == "x"
    table.set(index=-1, value=5)
    assert table[3] == 5


def test_slices(mod):
    table = mod.exports.objects
    table[:] = range(4)
    assert table[:] == [0, 1, 2, 3] and table[::-2] == [3, 1] and table[9:] == []
    table[1:3] = "ab"
    assert list(table) == [0, "a", "b", 3]
    with pytest.raises(ValueError, match="keeps its size: 1 elements for a slice of 4"):
        table[:] = [1]
    with pytest.raises(TypeError):
        table[:] = 5
    with pytest.raises(TypeError, match="cannot be deleted"):
        del table[0]


@pytest.mark.parametrize("index", [4, -5, 1 << 70])
def test_out_of_range(mod, index):
    table = mod.exports.objects
    with pytest.raises(IndexError):
        table[index]
    with pytest.raises(IndexError):
        table[index] = None
    with pytest.raises(IndexError):
        table.get(index)


@pytest.mark.parametrize("index", ["0", 1.0, None])
def test_no_index(mod, index):
    with pytest.raises(TypeError, match="must be an integer or a slice"):
        mod.exports.objects[index]
    with pytest.raises(TypeError, match="must be an integer or a slice"):
        mod.exports.objects[index] = 1


def test_grow(mod):
    table = mod.exports.objects
    assert table.grow(2, "new") == 4
    assert list(table) == [None] * 4 + ["new"] * 2
    assert table.grow(0) == 6
    assert table.grow(delta=1) == 6 and table[6] is None
    assert mod.exports.grow(1, "wasm") == 7 and table[7] == "wasm"
    with pytest.raises(
        wazero.WazeroError, match="a table of 8 elements cannot grow by 3"
    ):
        table.grow(3)
    with pytest.raises((ValueError, OverflowError)):
        table.grow(-1)
    with pytest.raises(TypeError):
        table.grow()
    with pytest.raises(TypeError, match="funcref"):
        mod.exports.functions.grow(1, 1)


def test_lookup(mod):
    table = mod.exports.functions
    assert table.lookup(0, ["i32"], ["i32"]) == mod.exports.double
    with pytest.raises(wazero.Trap, match="indirect call type mismatch"):
        table.lookup(0, ["i64"], ["i32"])
    for index in (2, 99):
        with pytest.raises(wazero.Trap, match="invalid table access"):
            table.lookup(index, ["i32"], ["i32"])
    with pytest.raises(wazero.Trap, match="invalid table access"):
        mod.exports.objects.lookup(0, [], [])
    with pytest.raises(TypeError, match="not one str"):
        table.lookup(0, "i32", [])
    with pytest.raises(ValueError, match="a value type is"):
        table.lookup(0, ["i31"], [])


def test_private_tables(rt, wat):
    """All of a module by index, as wazero's LookupFunction takes them."""
    source = rt.instantiate(wat('(module (table (export "t") 2 externref))'))
    module = rt.instantiate(
        wat(
            """(module
              (import "m" "t" (table 1 externref))
              (table 2 4 funcref) (elem (table 1) (i32.const 0) func $one)
              (table (export "b") (export "c") 1 funcref)
              (func $one (param i32) (result i32)
                (i32.add (local.get 0) (i32.const 1)))
              (func (export "call") (param i32) (result i32)
                (call_indirect 1 (param i32) (result i32)
                  (local.get 0) (i32.const 1))))"""
        ),
        imports={"m": source},
    )
    imported, private, exported = module.tables
    assert [table.name for table in module.tables] == ["$0", "$1", "b"]
    assert exported is module.exports.b
    assert private.type == ("funcref", 2, 4)
    source.exports.t[0] = "seen"
    assert imported[0] == "seen"
    one = private.lookup(0, ["i32"], ["i32"])
    assert one(1) == 2
    with pytest.raises(wazero.Trap, match="invalid table access"):
        private.lookup(1, ["i32"], ["i32"])
    private[1] = one
    assert module.exports.call(5) == 6
    assert private.grow(2, one) == 2
    with pytest.raises(wazero.WazeroError, match="cannot grow"):
        private.grow(1)
    assert "$1" in repr(private)
    with pytest.raises(wazero.WazeroError, match="table 1 is not exported"):
        rt.instantiate(
            wat('(module (import "m" "t" (table 1 funcref)))'),
            imports={"m": {"t": private}},
        )
    named = rt.instantiate(
        wat('(module (table (export "$1") 1 funcref) (table 9 funcref))')
    )
    with pytest.raises(wazero.WazeroError, match="table 1 is not exported"):
        rt.instantiate(
            wat('(module (import "m" "t" (table 1 funcref)))'),
            imports={"m": {"t": named.tables[1]}},
        )
    assert rt.instantiate(wat("(module)")).tables == ()
    assert rt.host_module("h", {}).tables == ()
    module.close()
    with pytest.raises(wazero.ClosedError):
        _ = module.tables
    with pytest.raises(wazero.ClosedError):
        len(private)


def test_private_tables_keep_their_module(rt, wat, collect):
    module = rt.instantiate(wat("(module (table 1 externref))"))
    (table,) = module.tables
    alive = weakref.ref(module)
    del module
    collect()
    table[0] = "x"
    assert alive() is not None
    del table
    collect()
    assert alive() is None


def test_closed(mod):
    table = mod.exports.objects
    mod.close()
    for use in (
        lambda: table[0],
        lambda: table.set(0, 1),
        lambda: table.grow(1),
        lambda: len(table),
        lambda: list(table),
        lambda: table.lookup(0, [], []),
    ):
        with pytest.raises(wazero.ClosedError):
            use()
    assert table.type.element == "externref"


def test_made_by_the_host(rt, mod, collect):
    table = wazero.Table(rt, "funcref", 2, max=3, init=mod.exports.hidden())
    assert table.type == ("funcref", 2, 3) and [f(1) for f in table] == [101, 101]
    assert table.grow(1) == 2
    with pytest.raises(wazero.WazeroError):
        table.grow(1)
    alive = weakref.ref(mod)
    del mod
    collect()
    assert alive() is not None
    objects = wazero.Table(rt, "externref", 3, init="x")
    assert list(objects) == ["x"] * 3 and objects.type.max is None


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        (("i32", 1), ValueError, "must be 'funcref' or 'externref', not 'i32'"),
        (("x", 1), ValueError, "a value type is"),
        (("funcref", -1), (ValueError, OverflowError), "min"),
        (("funcref", 10000001), wazero.WazeroError, "10000001"),
        (("funcref", 2, 1), wazero.WazeroError, "min"),
        (("funcref", 1, 2, 3), TypeError, r"Table\(\) argument 'init' \(funcref\)"),
        (("funcref",), TypeError, "min"),
    ],
)
def test_not_made(rt, args, error, text):
    with pytest.raises(error, match=text):
        wazero.Table(rt, *args)


def test_limit_of_the_runtime():
    with wazero.Runtime(table_limit=5) as rt:
        table = wazero.Table(rt, "externref", 5)
        with pytest.raises(wazero.WazeroError, match="cannot grow"):
            table.grow(1)
        with pytest.raises(wazero.WazeroError):
            wazero.Table(rt, "externref", 6)


def test_keeps_its_module(rt, collect):
    table = rt.instantiate(REFERENCES).exports.objects
    collect()
    table[0] = 1
    assert table[0] == 1
