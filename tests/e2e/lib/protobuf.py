"""Protobuf's wire format, written by hand, so that a test says each byte. Nothing else is needed."""


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
