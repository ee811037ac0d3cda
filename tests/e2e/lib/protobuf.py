"""Protobuf's wire format, written and read by hand, so that a test says and sees each byte. Nothing else is
needed."""


def varint(value):
    """A negative number in the ten bytes that an int64 takes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def block(number, content):
    """A field that has a length: bytes, text or a message."""
    if isinstance(content, str):
        content = content.encode()
    return varint(number << 3 | 2) + varint(len(content)) + content


def scalar(number, value):
    """A number or a bool; left out where it is 0, as proto3 does."""
    return varint(number << 3) + varint(value) if value else b""


def _number(data, at):
    """A varint that begins at `at`, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field of a message, in the order of the wire; of a double its eight bytes."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _number(data, at)
        elif kind == 1:
            value, at = data[at:at + 8], at + 8
        elif kind == 2:
            length, at = _number(data, at)
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f"field {number} has wire type {kind}")
        if at > len(data):
            raise ValueError(f"field {number} is cut")
        yield number, value


def nested(data, number):
    """The values of a field, in their order."""
    return [value for found, value in fields(data) if found == number]
