import contextlib

import pytest
import wazero

SOURCE = """
(module $source
  (memory (export "memory") 1 5)
  (global (export "counter") (mut i32) (i32.const 10))
  (global (export "fixed") i32 (i32.const 3))
  (table (export "table") 4 funcref)
  (func (export "bump") (result i32)
    (global.set 0 (i32.add (global.get 0) (i32.const 1))) (global.get 0))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))
"""
USER = """
(module $user
  (import "a" "bump" (func $bump (result i32)))
  (import "a" "memory" (memory 1))
  (import "a" "counter" (global $counter (mut i32)))
  (func (export "bump2") (result i32) (i32.add (call $bump) (call $bump)))
  (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "count") (result i32) (global.get $counter)))
"""


def check(source, user):
    assert user.call("bump2") == 11 + 12
    user.call("store", 5, 99)
    assert source.memory[5] == 99 == source.call("load", 5) == user.memory[5]
    source.exports.counter.value = 50
    assert user.call("count") == 50


def test_module_as_imports(rt, wat):
    source = rt.instantiate(wat(SOURCE))
    check(source, rt.instantiate(wat(USER), imports={"a": source}))


def test_exports_as_imports(rt, wat):
    source = rt.instantiate(wat(SOURCE))
    check(source, rt.instantiate(wat(USER), imports={"a": source.exports}))


def test_single_exports_as_imports(rt, wat):
    source = rt.instantiate(wat(SOURCE))
    e = source.exports
    imports = {"bump": e.bump, "memory": source.memory, "counter": e.counter}
    check(source, rt.instantiate(wat(USER), imports={"a": imports}))


def test_by_name_in_the_runtime(rt, wat):
    source = rt.instantiate(wat(SOURCE), name="a")
    check(source, rt.instantiate(wat(USER)))


def test_mixed_with_host_functions(rt, wat):
    source = rt.instantiate(wat(SOURCE))
    e = source.exports
    imports = {"bump": lambda: 21, "memory": e.memory, "counter": e.counter}
    user = rt.instantiate(wat(USER), imports={"a": imports})
    assert user.call("bump2") == 42


def test_missing_is_looked_up_in_the_runtime(rt, wat):
    rt.instantiate(wat(SOURCE), name="a")
    user = rt.instantiate(wat(USER), imports={"a": {"bump": lambda: 1}})
    assert user.call("bump2") == 2
    assert user.call("count") == 10


def test_more_than_needed_is_fine(rt, wat):
    source = rt.instantiate(wat(SOURCE))
    imports = {"a": source, "other": {"x": 3}, "more": source, "odd": 5}
    check(source, rt.instantiate(wat(USER), imports=imports))


def test_any_mapping(rt, wat):
    class Names:
        def __init__(self, **values):
            self.values = values

        def keys(self):
            return self.values.keys()

        def __getitem__(self, key):
            return self.values[key]

    source = rt.instantiate(wat(SOURCE))
    e = source.exports
    names = Names(bump=e.bump, memory=e.memory, counter=e.counter)
    check(source, rt.instantiate(wat(USER), imports=Names(a=names)))


def test_imported_function_is_native(rt, wat):
    """It does not come back through Python: the trace shows both modules."""
    trap = rt.instantiate(wat('(module $t (func (export "f") unreachable))'))
    user = rt.instantiate(
        wat('(module $u (import "t" "f" (func $f)) (func (export "g") call $f))'),
        imports={"t": {"f": trap.exports.f}},
    )
    with pytest.raises(wazero.Trap) as caught:
        user.call("g")
    assert [frame.module for frame in caught.value.frames] == ["t", "u"]


def test_chain_and_reexport(rt, wat):
    a = rt.instantiate(
        wat('(module (func (export "f") (result i32) i32.const 1))'), name="a"
    )
    b = rt.instantiate(
        wat('(module (import "a" "f" (func (result i32))) (export "f" (func 0)))'),
        imports={"a": a},
    )
    c = rt.instantiate(
        wat(
            """(module (import "b" "f" (func $f (result i32)))
            (func (export "g") (result i32) (i32.add (call $f) (i32.const 1))))"""
        ),
        imports={"b": b},
    )
    assert b.call("f") == 1
    assert c.call("g") == 2


def test_importer_keeps_its_sources(rt, wat, collect):
    user = rt.instantiate(wat(USER), imports={"a": rt.instantiate(wat(SOURCE))})
    collect()
    assert user.call("bump2") == 23
    user.memory[0] = 1
    assert user.memory[0] == 1


def test_host_function_of_a_source_stays(rt, wat, collect):
    source = rt.instantiate(
        wat(
            """(module (import "env" "f" (func $f (result i32)))
            (func (export "g") (result i32) call $f))"""
        ),
        imports={"env": {"f": lambda: 33}},
    )
    user = rt.instantiate(
        wat(
            """(module (import "s" "g" (func $g (result i32)))
            (func (export "h") (result i32) call $g))"""
        ),
        imports={"s": source},
    )
    del source
    collect()
    assert user.call("h") == 33


TABLE_USER = """
(module
  (import "s" "table" (table 4 funcref))
  (import "env" "f" (func $f (result i32)))
  (func $g (result i32) call $f)
  (elem (i32.const 1) $g))
"""
TABLE_SOURCE = """
(module
  (type $t (func (result i32)))
  (table (export "table") 4 funcref)
  (func (export "call") (param i32) (result i32)
    (call_indirect (type $t) (local.get 0))))
"""


def test_functions_in_a_shared_table_stay(rt, wat, collect):
    source = rt.instantiate(wat(TABLE_SOURCE))
    rt.instantiate(wat(TABLE_USER), imports={"s": source, "env": {"f": lambda: 44}})
    collect()
    assert source.call("call", 1) == 44


def test_functions_of_a_failed_instance_in_a_shared_table(rt, wat, collect):
    """The element segment is written before the data segment fails; the function in the
    table must then be callable or an error, never a crash."""
    source = rt.instantiate(wat(TABLE_SOURCE))
    failing = (
        TABLE_USER.rstrip().rstrip(")") + ')(memory 1) (data (i32.const 65536) "x"))'
    )
    with pytest.raises(wazero.WazeroError):
        rt.instantiate(wat(failing), imports={"s": source, "env": {"f": lambda: 44}})
    collect()
    with contextlib.suppress(wazero.WazeroError):
        assert source.call("call", 1) == 44


def test_closing_a_dependent_lets_it_go(rt, wat, collect):
    import weakref

    source = rt.instantiate(wat(TABLE_SOURCE))
    user = rt.instantiate(
        wat(TABLE_USER), imports={"s": source, "env": {"f": lambda: 44}}
    )
    ref = weakref.ref(user)
    user.close()
    del user
    collect()
    assert ref() is None
    with pytest.raises(wazero.WazeroError):
        source.call("call", 1)


def test_closing_the_source(rt, wat):
    source = rt.instantiate(wat(SOURCE))
    user = rt.instantiate(wat(USER), imports={"a": source})
    source.close()
    assert not user.closed
    with pytest.raises(wazero.ClosedError):
        source.call("bump")
    with pytest.raises(wazero.ClosedError):
        rt.instantiate(wat(USER), imports={"a": source})


def test_closing_the_importer(rt, wat):
    source = rt.instantiate(wat(SOURCE))
    user = rt.instantiate(wat(USER), imports={"a": source})
    view = memoryview(source.memory)
    user.close()
    assert source.call("bump") == 11
    assert source.memory.grow(2) == 1
    source.memory[70000] = 1
    view[0] = 7
    assert source.call("load", 0) == 7


# -------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("imports", "words"),
    [
        ({}, ["a", "bump"]),
        ({"a": {}}, ["a", "bump"]),
        (None, ["a", "bump"]),
    ],
)
def test_missing(rt, wat, imports, words):
    with pytest.raises(wazero.LinkError) as caught:
        rt.instantiate(wat(USER), imports=imports)
    assert all(word in str(caught.value) for word in words)
    assert "-> i32" in str(caught.value) or "i32" in str(caught.value)


def link(rt, wat, import_text, source_text):
    source = rt.instantiate(wat(f"(module {source_text})"))
    return rt.instantiate(
        wat(f'(module (import "mod" "field" {import_text}))'), imports={"mod": source}
    )


def test_typed_reference_for_a_wider_one(wat):
    given = """(type $t (func)) (func $f (export "f"))
      (global (export "field") (ref $t) (ref.func $f))"""
    mutable = """(type $t (func)) (func $f (export "f"))
      (global (export "field") (mut (ref $t)) (ref.func $f))"""
    with wazero.Runtime(features=["typed-function-references"]) as rt:
        link(rt, wat, "(global funcref)", given)
        for wanted, source in [
            ("(global externref)", given),
            ("(global (mut funcref))", mutable),
            ("(global (mut funcref))", given),
            ("(global i64)", given),
            (
                "(global (ref func))",
                '(global (export "field") funcref (ref.null func))',
            ),
        ]:
            with pytest.raises(wazero.LinkError, match="mismatch"):
                link(rt, wat, wanted, source)


@pytest.mark.parametrize(
    ("wanted", "given", "words"),
    [
        ("(func)", '(func (export "other"))', []),
        ("(func (param i32))", '(func (export "field") (param i64))', ["i32", "i64"]),
        ("(func)", '(memory (export "field") 1)', ["func", "memory"]),
        ("(memory 2)", '(memory (export "field") 1)', ["2", "1"]),
        ("(memory 1 2)", '(memory (export "field") 1)', ["2"]),
        ("(memory 1 2)", '(memory (export "field") 1 3)', ["2", "3"]),
        ("(global i32)", '(global (export "field") i64 (i64.const 1))', ["i32", "i64"]),
        ("(global (mut i32))", '(global (export "field") i32 (i32.const 1))', ["mut"]),
        ("(table 3 funcref)", '(table (export "field") 2 funcref)', ["3", "2"]),
    ],
)
def test_mistyped(rt, wat, wanted, given, words):
    with pytest.raises(wazero.LinkError) as caught:
        link(rt, wat, wanted, given)
    text = str(caught.value)
    assert "mod" in text and "field" in text
    assert all(word in text for word in words), text


@pytest.mark.parametrize("value", [3, "f", None, [1], 1.5])
def test_values_that_are_no_imports(rt, wat, value):
    with pytest.raises(TypeError, match=r"imports: a.bump must be a callable.*not "):
        rt.instantiate(wat(USER), imports={"a": {"bump": value}})


@pytest.mark.parametrize("value", [3, "f", None, [1], print])
def test_groups_that_are_no_mappings(rt, wat, value):
    with pytest.raises(TypeError, match=r"imports: 'a' must be a mapping"):
        rt.instantiate(wat(USER), imports={"a": value})


@pytest.mark.parametrize("value", [3, "f", [1], (print, print)])
def test_imports_that_are_no_mapping(rt, wat, value):
    with pytest.raises(TypeError, match=r"imports must be a mapping"):
        rt.instantiate(wat(USER), imports=value)


def test_callable_for_a_memory(rt, wat):
    with pytest.raises(wazero.LinkError, match=r"import a.memory: expected a memory"):
        rt.instantiate(wat(USER), imports={"a": {"bump": lambda: 1, "memory": print}})


def test_memory_that_is_not_exported(rt, wat):
    hidden = rt.instantiate(wat("(module (memory 1))")).memory
    with pytest.raises(wazero.LinkError, match="memory is not exported"):
        rt.instantiate(
            wat('(module (import "a" "m" (memory 1)))'), imports={"a": {"m": hidden}}
        )


def test_exception_in_the_mapping(rt, wat):
    class Bad(dict):
        def __getitem__(self, key):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rt.instantiate(wat(USER), imports=Bad())
    with pytest.raises(ZeroDivisionError):
        rt.instantiate(wat(USER), imports={"a": Bad()})


def test_module_of_another_runtime(rt, wat):
    with wazero.Runtime() as other:
        source = other.instantiate(wat(SOURCE))
        with pytest.raises(wazero.WazeroError):
            rt.instantiate(wat(USER), imports={"a": source})


CLIENT = """(module
  (import "lib" "add" (func $add (param i32 i32) (result i32)))
  (import "env" "two" (func $two (result i32)))
  (func (export "run") (result i32) (call $add (call $two) (i32.const 40))))"""


def test_resolver(rt, wat, add_wasm):
    asked = []
    library = rt.instantiate(add_wasm)

    def resolve(name):
        asked.append(name)
        return {"lib": library, "env": {"two": lambda: 2}}.get(name)

    assert rt.instantiate(wat(CLIENT), imports=resolve).exports.run() == 42
    assert sorted(asked) == ["env", "lib"]


def test_resolver_asked_for_the_rest(rt, wat, add_wasm):
    asked = []
    library = rt.instantiate(add_wasm, name="lib")

    def resolve(name):
        asked.append(name)

    imports = ({"env": {"two": lambda: 2}}, resolve)
    assert rt.instantiate(wat(CLIENT), imports=imports).exports.run() == 42
    assert asked == ["lib"]
    imports = ({"env": {}}, lambda name: {"two": lambda: 3} if name == "env" else None)
    assert rt.instantiate(wat(CLIENT), imports=imports).exports.run() == 43
    assert (
        rt.instantiate(
            wat(CLIENT), imports=({}, {"env": {"two": lambda: 1}, "lib": library}.get)
        ).exports.run()
        == 41
    )


def test_resolver_that_raises(rt, wat):
    def resolve(name):
        raise KeyError(name)

    with pytest.raises(KeyError, match="lib"):
        rt.instantiate(wat(CLIENT), imports=resolve)


def test_resolver_that_gives_something_else(rt, wat):
    with pytest.raises(TypeError, match="'lib' must be a mapping of names or a Module"):
        rt.instantiate(wat(CLIENT), imports=lambda name: 5)
    with wazero.Runtime() as other:
        foreign = other.instantiate(wat(CLIENT.replace("import", ";;")[:7] + ")"))
        with pytest.raises(wazero.LinkError, match="another Runtime"):
            rt.instantiate(wat(CLIENT), imports=lambda name: foreign)


@pytest.mark.parametrize("wrong", [5, "env", ({}, 5), (len, len), ({}, None), [{}]])
def test_imports_of_wrong_types(rt, wat, wrong):
    with pytest.raises(TypeError, match="imports must be a mapping of module names"):
        rt.instantiate(wat(CLIENT), imports=wrong)
