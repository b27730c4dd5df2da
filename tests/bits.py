"""Floats by their bits.

A float of 32 bits is a Python float, which has 64. A NaN is widened by hand here, as
the extension does it: the processor, and struct, would set its quiet bit.
"""

import struct

SIGN32 = 1 << 31
EXPONENT32, EXPONENT64 = 0x7F800000, 0x7FF << 52


def double(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def double_bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def single(bits):
    if bits & EXPONENT32 == EXPONENT32 and bits & 0x7FFFFF:
        return double((bits & SIGN32) << 32 | EXPONENT64 | (bits & 0x7FFFFF) << 29)
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def single_bits(value):
    if value == value:
        return struct.unpack("<I", struct.pack("<f", value))[0]
    wide = double_bits(value)
    assert not wide & 0x1FFFFFFF, "a NaN has a payload that is none of 32 bits"
    return (wide >> 32 & SIGN32) | EXPONENT32 | (wide >> 29 & 0x7FFFFF)
