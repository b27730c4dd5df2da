"""WebAssembly types and Python signatures: for host functions and inspect.signature."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Annotated, Any

from wazero._wazero import Function

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazero._wazero import FunctionType

I32 = Annotated[int, "i32"]
I64 = Annotated[int, "i64"]
F32 = Annotated[float, "f32"]
F64 = Annotated[float, "f64"]
V128 = Annotated[bytes, "v128"]
ExternRef = Annotated[Any, "externref"]
FuncRef = Annotated[Function | None, "funcref"]

_TYPES = {
    "i32": I32,
    "i64": I64,
    "f32": F32,
    "f64": F64,
    "v128": V128,
    "externref": ExternRef,
    "funcref": FuncRef,
}
_HELP = (
    "annotate with wazero.I32, I64, F32, F64, V128, ExternRef, FuncRef "
    "(or 'i32', ...), "
    "or use wazero.func(f, params=[...], results=[...])"
)


def _type_of(annotation: Any) -> str | None:
    """The value type that an annotation names, or None."""
    for value in (annotation, *getattr(annotation, "__metadata__", ())):
        if isinstance(value, str) and value in _TYPES:
            return value
    return None


def _results_of(annotation: Any) -> tuple[str | None, ...]:
    if annotation is None or annotation is type(None):
        return ()
    if typing.get_origin(annotation) is tuple:
        annotation = typing.get_args(annotation)
    if isinstance(annotation, tuple):
        types: tuple[Any, ...] = annotation
        return tuple(map(_type_of, types))
    return (_type_of(annotation),)


def _signature(function: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, SyntaxError):
        return inspect.signature(function)  # "i32" is no name that can be evaluated


def types_of(
    function: Callable[..., object], caller: bool, label: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The value types that the annotations of a host function name."""
    try:
        signature = _signature(function)
    except ValueError as error:
        raise TypeError(f"host function {label} has no signature: {_HELP}") from error
    parameters = list(signature.parameters.values())[1 if caller else 0 :]
    params: list[str] = []
    for parameter in parameters:
        if (
            parameter.kind is parameter.KEYWORD_ONLY
            and parameter.default is not parameter.empty
        ):
            continue  # wasm does not give it
        value_type = _type_of(parameter.annotation)
        if value_type is None or parameter.kind not in (
            parameter.POSITIONAL_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        ):
            raise TypeError(
                f"host function {label}: the type of parameter {parameter.name!r} "
                f"is not known: {_HELP}"
            )
        params.append(value_type)
    results = _results_of(signature.return_annotation)
    known = tuple(result for result in results if result is not None)
    if len(known) != len(results):
        raise TypeError(
            f"host function {label}: the types of the results are not known: {_HELP}"
        )
    return tuple(params), known


def signature_of(function_type: FunctionType) -> inspect.Signature:
    """What inspect.signature tells of a wazero.Function."""
    names = function_type.results
    results = tuple(_TYPES.get(name, name) for name in names)
    annotation: Any = None
    if len(results) == 1:
        annotation = results[0]
    elif results:
        annotation = tuple.__class_getitem__(results)
    return inspect.Signature(
        [
            inspect.Parameter(
                f"arg{index}",
                inspect.Parameter.POSITIONAL_ONLY,
                annotation=_TYPES.get(name, name),
            )
            for index, name in enumerate(function_type.params, 1)
        ]
        + [
            inspect.Parameter(
                "timeout",
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=float | None,
            ),
            inspect.Parameter(
                "snapshots",
                inspect.Parameter.KEYWORD_ONLY,
                default=False,
                annotation=bool,
            ),
        ],
        return_annotation=annotation,
    )
