"""wazero.inspect beside wazero: over every module of the suite, what lib's parser tells
is what the engine knows, and nothing that the engine takes is refused."""

import base64
import json
import os
import subprocess
from pathlib import Path

import packages
import pytest
import suite
import wazero

TYPES = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x70: "funcref",
    0x6F: "externref",
    0x69: "exnref",
}


REAL = [*packages.PYPI, *packages.PROGRAMS]


def describe(modules):
    """(features, path, what wazero says or None) for each module."""
    done = subprocess.run(
        [suite.go(), "run", str(Path(__file__).parent / "describe.go")],
        cwd=suite.ROOT / "engine",
        env={**os.environ, **suite.GO_ENVIRONMENT},
        input="".join(f"{features} {path}\n" for features, path in modules),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(said) == len(modules)
    return [(*module, one) for module, one in zip(modules, said, strict=True)]


@pytest.fixture(scope="session")
def described():
    return describe(
        [
            (int(features), path)
            for name, features in suite.FOLDERS.items()
            for path in sorted(suite.folder().glob(f"{name}/testdata/*.wasm"))
        ]
    )


def test_inspect_and_the_engine_agree_on_real_modules():
    features = int(wazero.Features.ALL)
    said = describe([(features, packages.path(name)) for name in REAL])
    assert len(said) == len(REAL)
    for features, path, theirs in said:
        check(wazero.inspect(path, features=features), theirs)


def whole(text):
    """The type that wazero has as this number: its kind, whether it may be null,
    whether it is of one type, and which one that is."""
    number = int(text)
    kind = TYPES[number & 0xFF]
    index = number >> 32 if number & 0x200 else None
    if index is None and not number & 0x100:
        return kind
    null = "" if number & 0x100 else "null "
    return f"(ref {null}{kind.removesuffix('ref') if index is None else index})"


def check_kinds(ours, encoded):
    """wazero's interface tells of a reference only what kind of thing it leads to."""
    theirs = [TYPES[byte] for byte in base64.b64decode(encoded or "")]
    kinds = {"(ref extern)": "externref", "(ref exn)": "exnref"}
    plain = [kinds.get(one, "funcref" if one[0] == "(" else one) for one in ours]
    assert plain == theirs


def check_function(ours, theirs):
    assert ours.index == theirs["Index"]
    assert ours.name == theirs["Name"]
    assert ours.module_name == theirs["Module"]
    assert ours.debug_name == theirs["Debug"]
    assert [ours.import_module, ours.import_name] == (theirs["Imported"] or [None] * 2)
    assert sorted(ours.export_names) == sorted(theirs["Exported"] or [])
    check_kinds(ours.params, theirs["Params"])
    check_kinds(ours.results, theirs["Results"])
    assert ours.param_names == tuple(theirs["ParamNames"] or ())
    assert ours.result_names == tuple(theirs["ResultNames"] or ())


def check_memory(ours, theirs):
    assert ours.type.min == theirs["Min"]
    assert ours.type.max == (theirs["Max"] if theirs["HasMax"] else None)
    assert [ours.import_module, ours.import_name] == (theirs["Imported"] or [None] * 2)
    assert sorted(ours.export_names) == sorted(theirs["Exported"] or [])


KINDS = ("function", "table", "memory", "global", "tag")


def check_sections(ours, theirs):
    """What wazero's decoder made of what its interface does not tell of."""
    listed = {key: value or [] for key, value in theirs.items()}
    imports = [[KINDS.index(i.kind), i.module, i.name] for i in ours.imports]
    assert imports == listed["Imports"]
    exports = [(KINDS[kind], name, index) for kind, name, index in listed["Exports"]]
    assert [(e.kind, e.name) for e in ours.exports] == [e[:2] for e in exports]
    for kind, name, index in exports:
        where = {"memory": "memories"}.get(kind, f"{kind}s")
        assert name in getattr(ours, where)[index].export_names
    for our, (params, results) in zip(ours.types, listed["Types"], strict=True):
        assert our.params == tuple(map(whole, params))
        assert our.results == tuple(map(whole, results))
    for our, (kind, least, most) in zip(ours.tables, listed["Tables"], strict=True):
        assert our.type.element == whole(kind)
        assert (our.type.min, our.type.max) == (least, most)
    for our, (kind, mutable) in zip(ours.globals, listed["Globals"], strict=True):
        assert our.type.value == whole(kind)
        assert our.type.mutable is mutable
    for our, index in zip(ours.tags, listed["Tags"], strict=True):
        assert our.type.params == ours.types[index].params
    inside = [one for one in ours.functions if one.import_name is None]
    for our, index in zip(inside, listed["Functions"], strict=True):
        assert our.type == ours.types[index]
    for our, types in zip(inside, listed["Locals"], strict=True):
        spread = [one for count, one in our.locals for _ in range(count)]
        assert spread == list(map(whole, types))
    for our, their in zip(ours.elements, listed["Elements"], strict=True):
        # A segment of indices has no type in the module; wazero gives it that of
        # WebAssembly 3.0, which knows that none of them is null.
        indices = our.type == "funcref" and whole(their) == "(ref func)"
        assert indices or our.type == whole(their)
    assert len(ours.data) == theirs["Data"]


def check(ours, theirs):
    check_sections(ours, theirs["All"])
    assert ours.name == theirs["Name"]
    exports = {one.name: one for one in ours.exports}
    by_name = {name: one for one in ours.functions for name in one.export_names}
    memories = {name: one for one in ours.memories for name in one.export_names}
    imported = [one for one in ours.functions if one.import_name is not None]
    assert [str(one.index) for one in imported] == sorted(theirs["Imports"], key=int)
    for one in imported:
        check_function(one, theirs["Imports"][str(one.index)])
    assert set(by_name) == set(theirs["Exports"])
    assert set(by_name) == {n for n, one in exports.items() if one.kind == "function"}
    for name, one in theirs["Exports"].items():
        check_function(by_name[name], one)
    assert set(memories) == set(theirs["MemoriesOut"])
    for name, one in theirs["MemoriesOut"].items():
        check_memory(memories[name], one)
    inside = [one for one in ours.memories if one.import_name is not None]
    assert len(inside) == len(theirs["MemoriesIn"])
    for one, other in zip(inside, theirs["MemoriesIn"].values(), strict=True):
        check_memory(one, other)
    custom = [(s.name, s.size) for s in ours.custom_sections if s.name != "name"]
    assert custom == [(s["Name"], s["Size"]) for s in theirs["Custom"]]


@pytest.fixture(scope="session")
def invalid():
    """The modules that the suite says are to be refused."""
    return {
        step.path
        for folder, name in suite.files()
        for step in suite.steps(folder, name)
        if step.do == "refuse"
    }


def test_inspect_and_the_engine_agree(described, invalid):
    agreed = stricter = 0
    for features, path, theirs in described:
        if theirs is None:
            continue
        try:
            ours = wazero.inspect(path, features=features)
        except wazero.CompileError:
            # Taken by wazero, not by the specification: see tests/c/test_strict.c.
            assert path in invalid, path
            stricter += 1
            continue
        try:
            check(ours, theirs)
        except AssertionError as error:
            error.add_note(f"{path}")
            raise
        agreed += 1
    print(f"{agreed} of {len(described)} modules agree, {stricter} are invalid")
    assert agreed > 2800
    assert stricter < 20
