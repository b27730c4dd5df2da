"""Runs the steps of the suite through the Python API.

A value of WebAssembly is compared by its bits; the two directions are `to_python` and
`bits_of`.
"""

import functools

import suite
import wazero
from bits import double, double_bits, single, single_bits


class External:
    """What the suite calls (ref.extern N)."""

    def __init__(self, bits):
        self.bits = bits


@functools.cache
def external(bits):
    return External(bits)


def to_python(value):
    """The Python object to pass for a Value."""
    match value.type:
        case "i32" | "i64":
            return value.bits
        case "f32":
            return single(value.bits)
        case "f64":
            return double(value.bits)
        case "v128":
            return value.bits.to_bytes(16, "little")
        case "externref":
            return external(value.bits) if value.bits else None
        case _:
            assert not value.bits
            return None


def bits_of(type, result):
    """The bits of a result of this type, as in Value."""
    match type:
        case "i32":
            assert -(1 << 31) <= result < 1 << 31
            return result & 0xFFFFFFFF
        case "i64":
            assert -(1 << 63) <= result < 1 << 63
            return result & 0xFFFFFFFFFFFFFFFF
        case "f32":
            return single_bits(result)
        case "f64":
            return double_bits(result)
        case "v128":
            assert isinstance(result, bytes)
            assert len(result) == 16
            return int.from_bytes(result, "little")
    if result is None:
        return 0
    # A typed reference, whose type says "ref" only, may be either.
    if isinstance(result, External) and (type == "externref" or type[0] == "("):
        return result.bits
    assert isinstance(result, wazero.Function)
    assert type == "funcref" or type[0] == "("
    return 1


def _ignore(*args):
    pass


def host_spectest(runtime):
    """What the module "spectest" has, made by the host."""
    kinds = [(), ("i32",), ("i64",), ("f32",), ("f64",), ("i32", "f32"), ("f64", "f64")]
    functions = {
        "_".join(("print", *params)): wazero.func(_ignore, params=params, results=())
        for params in kinds
    }
    module = runtime.host_module("functions of spectest", functions)
    return {
        **{name: module.exports[name] for name in functions},
        "global_i32": wazero.Global(runtime, "i32", 666),
        "global_i64": wazero.Global(runtime, "i64", 666),
        "global_f32": wazero.Global(runtime, "f32", 666.6),
        "global_f64": wazero.Global(runtime, "f64", 666.6),
        "table": wazero.Table(runtime, "funcref", 10, 20),
        "memory": wazero.Memory(runtime, 1, 2),
    }


class Failure(Exception):
    """A step did not do what it should."""


class Runner:
    """The state of a script: the modules that it has made so far."""

    def __init__(self, runtime, spectest):
        self.runtime = runtime
        self.modules = {}
        self.latest = None
        self.imports = None
        if spectest == "host":
            self.imports = {"spectest": host_spectest(runtime)}
        else:
            self.instantiate(suite.spectest(), "spectest")

    def instantiate(self, path, name=None):
        wasm = path.read_bytes()
        return self.runtime.instantiate(wasm, name=name, imports=self.imports)

    def run(self, step):
        """Does it; raises Failure, or whatever the API raised unexpectedly."""
        getattr(self, "do_" + step.do)(step)

    def do_nothing(self, step):
        pass

    def do_module(self, step):
        self.latest = self.instantiate(step.path, step.register or None)
        if step.name:
            self.modules[step.name] = self.latest

    def do_start(self, step):
        self.instantiate(step.path)

    def do_refuse(self, step):
        stage = "compile"
        try:
            compiled = self.runtime.compile(step.path.read_bytes())
            stage = "instantiate"
            compiled.instantiate(imports=self.imports)
        except wazero.WazeroError as error:
            self.check_outcome(step, error)
            if (stage == "compile") != isinstance(error, wazero.CompileError):
                raise Failure(f"it failed at {stage}: {error}") from error
            return
        raise Failure(f"it was accepted, expected {step.outcomes}")

    def do_call(self, step):
        module = self.modules[step.module] if step.module else self.latest
        function = module.exports[step.field]
        args = [to_python(arg) for arg in step.args]
        if step.results is not None:
            self.check_results(step, function.results, function(*args))
            return
        try:
            result = function(*args)
        except wazero.WazeroError as error:
            self.check_outcome(step, error)
            return
        raise Failure(f"it returned {result!r}, expected {step.outcomes}")

    def do_get(self, step):
        module = self.modules[step.module] if step.module else self.latest
        exported = module.exports[step.field]
        self.check_results(step, [exported.type.value], exported.value)

    def check_outcome(self, step, error):
        if isinstance(error, wazero.Trap):
            got = f"trap:{error.code}"
        else:
            kinds = {wazero.CompileError: "compile", wazero.LinkError: "link"}
            got = kinds.get(type(error), type(error).__name__)
        if got not in step.outcomes:
            raise Failure(f"{got}, expected {step.outcomes}: {error}") from error

    def check_results(self, step, types, result):
        expected = step.results
        if len(types) < 2:
            results = (result,) if types else ()
            if not types and result is not None:
                raise Failure(f"it returned {result!r}, expected nothing")
        else:
            results = result
        if len(results) != len(expected):
            raise Failure(f"{len(results)} results, expected {len(expected)}")
        for type, value, right in zip(types, results, expected, strict=True):
            bits = bits_of(type, value)
            if (bits ^ right.bits) & right.mask:
                raise Failure(f"{type} {bits:#x}, expected {right}")
