"""HostModule, a module of host functions before it is in a runtime."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from wazero._wazero import HostFunction, func

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from wazero._wazero import Module, Runtime, _Listeners, _Log

    _F = TypeVar("_F", bound=Callable[..., object])


class HostModule:
    """Host functions by name, for any number of runtimes and under any name::

        env = wazero.HostModule("env")

        @env.func
        def log(value: wazero.I32) -> None:
            print(value)

        env.instantiate(runtime)

    `functions` can be given as imports, too: imports={"env": env.functions}.
    """

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Callable[..., object] | HostFunction] | None = None,
        *,
        listener: _Listeners = None,
        log_calls: _Log | None = None,
        log_host: int | None = None,
    ) -> None:
        self.name = name
        self._functions = dict(functions or {})
        self._listeners: dict[str, Any] = {
            "listener": listener,
            "log_calls": log_calls,
            "log_host": log_host,
        }

    @property
    def functions(self) -> Mapping[str, Callable[..., object] | HostFunction]:
        """The functions so far: a view that cannot be changed."""
        return MappingProxyType(self._functions)

    @overload
    def func(self, callable: _F, /) -> _F: ...
    @overload
    def func(
        self,
        callable: None = None,
        /,
        *,
        export: str | None = None,
        params: Iterable[str] | None = None,
        results: Iterable[str] | None = None,
        caller: bool = False,
        name: str | None = None,
        param_names: Iterable[str] | None = None,
        result_names: Iterable[str] | None = None,
    ) -> Callable[[_F], _F]: ...
    def func(
        self,
        callable: Callable[..., object] | None = None,
        /,
        *,
        export: str | None = None,
        **options: Any,
    ) -> Any:
        """Adds a function, as a decorator: under its own name, or as `export`. The
        options are those of wazero.func."""

        def add(function: Callable[..., object]) -> Callable[..., object]:
            self._functions[export or function.__name__] = func(function, **options)
            return function

        return add if callable is None else add(callable)

    def instantiate(self, runtime: Runtime, name: str | None = None) -> Module:
        """Runtime.host_module with these functions, under its name or another."""
        return runtime.host_module(
            self.name if name is None else name, self._functions, **self._listeners
        )

    def __repr__(self) -> str:
        return f"<wazero.HostModule {self.name!r}, {len(self._functions)} functions>"
