"""Whole numbers in as few bytes as they need: an instance has to fit into a kilobyte."""

from collections.abc import Iterable, Iterator


def pack(numbers: Iterable[int]) -> bytes:
    """Return the numbers, none below 0, seven bits a byte, the lowest first; the eighth bit says that another byte follows."""
    packed = bytearray()
    for number in numbers:
        rest = number
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def unpack(packed: bytes) -> Iterator[int]:
    """Yield what `pack` was given."""
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0


def to_unsigned(number: int) -> int:
    """Return a number that may be below 0 as one that is not, small if it was close to 0."""
    return number * 2 if number >= 0 else -number * 2 - 1


def to_signed(number: int) -> int:
    """Return what `to_unsigned` was given."""
    return -(number + 1) // 2 if number % 2 else number // 2
