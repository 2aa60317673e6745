"""Pictures and other files for tests, made when they are wanted."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image


def picture(width: int = 40, height: int = 30, *, kind: str = "PNG", turned: bool = False, **options: Any) -> bytes:
    """A picture; `turned` says by EXIF that it is to be shown upright, and where it was taken."""
    made = Image.new("RGB", (width, height), "white")
    made.paste("red", (0, 0, width // 2, height))
    if turned:
        exif = made.getexif()
        exif[0x0112] = 6
        exif[0x010E] = "at home"
        options["exif"] = exif
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that says it has so many pixels, and has them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = packer.compress(bytes(width // 8 + 1))  # one row is enough: nobody must come so far
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
            chunk(b"IDAT", rows + packer.flush()),
            chunk(b"IEND", b""),
        )
    )
