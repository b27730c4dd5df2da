"""What Ctrl-C does, and a pipe that nobody reads: they end the command, as others."""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without the enums, which take longer than all the rest


def default_signals() -> None:
    """Leaves the two signals to the system, but for a Ctrl-C that is ignored.

    To be called once more when the engine is loaded: Go takes SIGPIPE then.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
