"""Values of WebAssembly as text: as arguments on a command line, and as results.

Numbers are written as in WebAssembly's text format: decimal or hexadecimal, with `_`
between digits; floats also as inf, nan and nan:0x400000 (a payload). A vector is a
number of 128 bits, or its lanes: i32x4:1,2,3,4, and sixteen bytes without a shape.
References are null.
"""

from __future__ import annotations

import math
import struct

TYPE_CHECKING = False  # what type checkers take for True, without importing typing
if TYPE_CHECKING:
    from typing import Any

# The type of the lanes, how many, and what struct calls their bits.
_LANES = {
    "i8x16": ("i8", 16, "B"),
    "i16x8": ("i16", 8, "H"),
    "i32x4": ("i32", 4, "I"),
    "i64x2": ("i64", 2, "Q"),
    "f32x4": ("f32", 4, "I"),
    "f64x2": ("f64", 2, "Q"),
}
# Bits of the exponent and of the fraction.
_FLOATS = {"f32": (8, 23), "f64": (11, 52)}


def parse_value(text: str, kind: str) -> Any:
    """The value of that type; ValueError says what it is not."""
    if kind in ("i32", "i64"):
        return _parse_int(text, int(kind[1:]), kind)
    if kind in _FLOATS:
        return _from_bits(_parse_float(text, kind), kind)
    if kind == "v128":
        return _parse_vector(text)
    if text != "null":
        raise ValueError(f"is no {kind}: only null can be given")
    return None


def _parse_int(text: str, bits: int, kind: str) -> int:
    """Signed or unsigned, as long as it has no more bits."""
    digits = text.lstrip("+-")
    try:
        if len(text) - len(digits) > 1 or not digits.isascii() or text != text.strip():
            raise ValueError
        hexadecimal = digits[:2] in ("0x", "0X")
        value = int(digits, 16 if hexadecimal else 10)
    except ValueError:
        raise ValueError(f"is no {kind}") from None
    value = -value if text[:1] == "-" else value
    if not -(1 << bits - 1) <= value < 1 << bits:
        raise ValueError(
            f"is out of range for {kind}: {-(1 << bits - 1)} to {(1 << bits) - 1}"
        )
    return value


def _parse_float(text: str, kind: str) -> int:
    """The bits of the float."""
    exponent, fraction = _FLOATS[kind]
    sign = 1 << exponent + fraction if text[:1] == "-" else 0
    infinity = (1 << exponent) - 1 << fraction
    word = text[1:] if text[:1] in ("+", "-") else text
    if word.startswith("nan"):
        payload = 1 << fraction - 1
        if word != "nan":
            digits = word.removeprefix("nan:0x")
            try:
                payload = int(digits, 16) if digits.isascii() else 0
            except ValueError:
                payload = 0
            if not 0 < payload < 1 << fraction or digits[:1] in "+-0_ ":
                raise ValueError(f"is no {kind}")
        return sign | infinity | payload
    try:
        if not text.isascii() or text != text.strip():
            raise ValueError
        hexadecimal = word[:2] in ("0x", "0X")
        value = float.fromhex(text) if hexadecimal else float(text)
    except (ValueError, OverflowError):
        raise ValueError(f"is no {kind}") from None
    if kind == "f64":
        return int.from_bytes(struct.pack("<d", value), "little")
    try:
        return int.from_bytes(struct.pack("<f", value), "little")
    except OverflowError:  # beyond the largest: as WebAssembly rounds it
        return sign | infinity


def _from_bits(bits: int, kind: str) -> float:
    """A Python float, which is a double: a NaN of 32 bits keeps its payload in it."""
    exponent, fraction = _FLOATS["f32"]
    if kind == "f32":
        infinity = (1 << exponent) - 1 << fraction
        if bits & infinity == infinity and bits & (1 << fraction) - 1:
            sign = bits >> exponent + fraction << 63
            bits = sign | 0x7FF << 52 | (bits & (1 << fraction) - 1) << 52 - fraction
        else:
            (number,) = struct.unpack("<f", bits.to_bytes(4, "little"))
            return float(number)
    (number,) = struct.unpack("<d", bits.to_bytes(8, "little"))
    return float(number)


def _parse_vector(text: str) -> int | bytes:
    if "," not in text:
        return _parse_int(text, 128, "v128") % (1 << 128)
    # A NaN with a payload has a colon, too, but comes behind the shape's.
    shape, colon, rest = text.partition(":")
    if not colon:
        shape, rest = "i8x16", text
    if shape not in _LANES:
        raise ValueError("is no v128: no such shape")
    kind, count, code = _LANES[shape]
    words = rest.split(",")
    if len(words) != count:
        raise ValueError(f"is no v128: {shape} has {count} lanes, not {len(words)}")
    size = 128 // count
    lanes = [
        _parse_float(word, kind) if kind in _FLOATS else _parse_int(word, size, kind)
        for word in words
    ]
    return struct.pack(f"<{count}{code}", *(lane % (1 << size) for lane in lanes))


def value_text(value: Any, kind: str) -> str:
    """The value as parse_value reads it."""
    if kind in _FLOATS:
        return _float_text(value, kind)
    if kind == "v128":
        return f"0x{int.from_bytes(value, 'little'):032x}"
    return "null" if value is None else str(value)


def _float_text(value: float, kind: str) -> str:
    if math.isnan(value):
        (bits,) = struct.unpack("<Q", struct.pack("<d", value))
        _, fraction = _FLOATS[kind]
        payload = (bits & (1 << 52) - 1) >> 52 - fraction
        sign = "-" if bits >> 63 else ""
        return sign + ("nan" if payload == 1 << fraction - 1 else f"nan:{payload:#x}")
    if kind == "f32" and not math.isinf(value):  # the shortest that is this f32
        for digits in range(6, 10):
            text = f"{value:.{digits}g}"
            if struct.pack("<f", float(text)) == struct.pack("<f", value):
                return repr(float(text))
    return repr(value)


def plain_value(value: Any, kind: str) -> Any:
    """The value for JSON, which knows neither infinity nor NaN nor 128 bits."""
    if kind in _FLOATS and math.isfinite(value):
        return float(_float_text(value, kind))
    if kind in ("i32", "i64") or value is None:
        return value
    return value_text(value, kind)
