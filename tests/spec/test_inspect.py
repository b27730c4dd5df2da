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


def check_types(ours, encoded):
    """Where lib says "ref", for any typed reference, wazero says what it refers to."""
    theirs = [TYPES.get(byte, "ref") for byte in base64.b64decode(encoded or "")]
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert our == their or (our == "ref" and their.endswith("ref")), (our, their)


def check_function(ours, theirs):
    assert ours.index == theirs["Index"]
    assert ours.name == theirs["Name"]
    assert ours.module_name == theirs["Module"]
    assert ours.debug_name == theirs["Debug"]
    assert [ours.import_module, ours.import_name] == (theirs["Imported"] or [None] * 2)
    assert sorted(ours.export_names) == sorted(theirs["Exported"] or [])
    check_types(ours.params, theirs["Params"])
    check_types(ours.results, theirs["Results"])
    assert ours.param_names == tuple(theirs["ParamNames"] or ())
    assert ours.result_names == tuple(theirs["ResultNames"] or ())


def check_memory(ours, theirs):
    assert ours.type.min == theirs["Min"]
    assert ours.type.max == (theirs["Max"] if theirs["HasMax"] else None)
    assert [ours.import_module, ours.import_name] == (theirs["Imported"] or [None] * 2)
    assert sorted(ours.export_names) == sorted(theirs["Exported"] or [])


KINDS = ("function", "table", "memory", "global", "tag")


def check_type(our, byte):
    their = TYPES.get(byte, "ref")
    assert our == their or (our == "ref" and their.endswith("ref")), (our, their)


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
        check_types(our.params, params)
        check_types(our.results, results)
    for our, (kind, least, most) in zip(ours.tables, listed["Tables"], strict=True):
        check_type(our.type.element, kind)
        assert (our.type.min, our.type.max) == (least, most)
    for our, (kind, mutable) in zip(ours.globals, listed["Globals"], strict=True):
        check_type(our.type.value, kind)
        assert our.type.mutable is mutable
    for our, index in zip(ours.tags, listed["Tags"], strict=True):
        assert our.type.params == ours.types[index].params
    inside = [one for one in ours.functions if one.import_name is None]
    for our, index in zip(inside, listed["Functions"], strict=True):
        assert our.type == ours.types[index]
    assert (len(ours.elements), len(ours.data)) == (theirs["Elements"], theirs["Data"])


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
