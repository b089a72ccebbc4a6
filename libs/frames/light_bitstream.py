"""How H.265 and AV1 streams tell of their light: SEI units and metadata OBUs, in configurations and in packets.

Encoders are told on what display a movie is judged before they begin, and write that themselves. How bright the movie
became is put in afterwards: into the configuration, and into each packet from which decoding can begin.

Lengths that lead beyond what is given are an IndexError or a struct.error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from libs.frames.deliveries import LightLevel

# ISO/IEC 23008-2: units of pictures end at 31; the prefix SEI unit, and its payload "content light level" (D.2.35).
_LAST_PICTURE, _SEI, _LEVELS = 31, 39, 144
_CONFIGURATION = 22
# AV1, 6.2.2 and 6.7: the kinds of OBU, and of metadata.
_SEQUENCE, _DELIMITER, _METADATA = 1, 2, 5
_LEVELS_METADATA, _DISPLAY_METADATA = 1, 2


def hevc_configuration(record: bytes, level: LightLevel) -> bytes:
    """An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) that tells of this light and of no other."""
    arrays: list[tuple[int, list[bytes]]] = []
    offset = _CONFIGURATION + 1
    for _ in range(record[_CONFIGURATION]):
        kind, count = struct.unpack_from(">BH", record, offset)
        offset += 3
        units: list[bytes] = []
        for _ in range(count):
            (size,) = struct.unpack_from(">H", record, offset)
            units.append(_part(record, offset + 2, size))
            offset += 2 + size
        kept = [unit for unit in units if not _tells_levels(unit)]
        if kept:
            arrays.append((kind, kept))
    arrays.append((_SEI, [_sei(level)]))
    result = bytearray(record[:_CONFIGURATION])
    result.append(len(arrays))
    for kind, kept in arrays:
        result += struct.pack(">BH", kind, len(kept))
        for unit in kept:
            result += struct.pack(">H", len(unit)) + unit
    return bytes(result)


def hevc_packet(packet: bytes, level: LightLevel) -> bytes:
    """A keyframe's packet, its units behind lengths of four bytes, that tells of this light and of no other."""
    result = bytearray()
    told = False
    for unit in _units(packet):
        if _tells_levels(unit):
            continue
        if not told and unit[0] >> 1 & 63 <= _LAST_PICTURE:
            sei = _sei(level)
            result += struct.pack(">I", len(sei)) + sei
            told = True
        result += struct.pack(">I", len(unit)) + unit
    return bytes(result)


def av1_configuration(record: bytes, display: bytes, level: LightLevel) -> bytes:
    """An AV1CodecConfigurationRecord (AV1 in ISOBMFF, 2.3) that also tells of display and light. `display` is the
    content of an `mdcv` box."""
    return record + _obu(_DISPLAY_METADATA, _display(display)) + _levels_obu(level)


def av1_packet(packet: bytes, level: LightLevel) -> bytes:
    """A keyframe's temporal unit that tells of this light, behind the sequence's header as 7.5 has it."""
    place = 0
    for kind, end in _obus(packet):
        if kind not in (_SEQUENCE, _DELIMITER, _METADATA):
            break
        place = end
    return packet[:place] + _levels_obu(level) + packet[place:]


def _sei(level: LightLevel) -> bytes:
    payload = bytes([_LEVELS, 4]) + struct.pack(">HH", *level.rounded()) + b"\x80"
    return bytes([_SEI << 1, 1]) + _escaped(payload)


def _tells_levels(unit: bytes) -> bool:
    """Encoders write each SEI into a unit of its own."""
    return len(unit) > 2 and unit[0] >> 1 & 63 == _SEI and unit[2] == _LEVELS


def _escaped(payload: bytes) -> bytes:
    """With emulation prevention (7.4.2): no three bytes look like the start of a unit."""
    result = bytearray()
    for byte in payload:
        if byte <= 3 and result[-2:] == b"\0\0":
            result.append(3)
        result.append(byte)
    return bytes(result)


def _units(packet: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(packet):
        (size,) = struct.unpack_from(">I", packet, offset)
        yield _part(packet, offset + 4, size)
        offset += 4 + size


def _part(data: bytes, offset: int, size: int) -> bytes:
    """So many bytes; IndexError where they are not there."""
    if offset + size > len(data):
        raise IndexError(size)
    return data[offset : offset + size]


def _levels_obu(level: LightLevel) -> bytes:
    return _obu(_LEVELS_METADATA, struct.pack(">HH", *level.rounded()))


def _obu(kind: int, payload: bytes) -> bytes:
    """A metadata OBU with its size (5.3 and 5.8)."""
    body = bytes([kind]) + payload + b"\x80"
    return bytes([_METADATA << 3 | 2, len(body)]) + body


def _obus(packet: bytes) -> Iterator[tuple[int, int]]:
    """The kind of each OBU, and where it ends; all of them have sizes, as files want it."""
    offset = 0
    while offset < len(packet):
        head = packet[offset]
        offset += 2 if head & 4 else 1
        size = shift = 0
        while True:
            byte = packet[offset]
            offset += 1
            size |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        offset += size
        if offset > len(packet):
            raise IndexError(size)
        yield head >> 3 & 15, offset


def _display(content: bytes) -> bytes:
    """An `mdcv` box's content in AV1's order, red first, and in its units of 2^-16, 2^-8 and 2^-14 (6.7.4)."""
    *places, peak, black = struct.unpack(">8H2I", content)
    ordered = [*places[4:6], *places[0:4], *places[6:8]]
    fractions = [round(place / 50_000 * 65_536) for place in ordered]
    return struct.pack(">8H2I", *fractions, round(peak / 10_000 * 256), round(black / 10_000 * 16_384))
