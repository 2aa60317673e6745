"""Looking at pictures, as a program of its own: `python -m roost.files.decoding`.

Decoders of pictures are large, written in C, and fed by strangers. So they run in a process that has nothing to lose:
it may take so much memory and time and no more, and writes no file but the thumbnail. Each line of its input is a
`Task`, each line of its output what came of it (`Seen`), both in JSON.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import warnings
from typing import Literal

import msgspec
from PIL import Image, ImageOps

MEMORY = 1 << 30
"""Bytes of address space. Fifty million pixels, decoded, turned and made small, take some 600 MB of it."""
LARGEST_THUMBNAIL = 4 << 20
"""Bytes that may be written into one file."""
QUALITY = 80


class Task(msgspec.Struct):
    """A picture to be looked at. `thumbnail` is where its thumbnail goes; `side` is its longer side, in pixels."""

    source: str
    format: str
    thumbnail: str
    side: int
    max_pixels: int


class Seen(msgspec.Struct):
    """What came of it: `ok`, with the size as it is shown; `large`: too many pixels; `broken`: no such picture."""

    outcome: Literal["ok", "large", "broken"]
    width: int = 0
    height: int = 0


def look(task: Task) -> Seen:
    """Measures a picture and makes its thumbnail: turned as it is to be shown, and without its metadata."""
    try:
        with Image.open(task.source, formats=[task.format]) as picture:
            if picture.width * picture.height > task.max_pixels:
                return Seen("large", picture.width, picture.height)
            turned = picture.getexif().get(_ORIENTATION, 1) in _TURNED
            width, height = (picture.height, picture.width) if turned else picture.size
            small = picture if picture.mode in _SMOOTH else picture.convert("RGBA")
            small.thumbnail((task.side, task.side), reducing_gap=2.0)  # a JPEG is decoded no larger than it is needed
            small = ImageOps.exif_transpose(small)
            shown = small.convert("RGBA" if small.has_transparency_data else "RGB")
            _without_metadata(shown).save(task.thumbnail, "WEBP", quality=QUALITY)
    except MemoryError:
        return Seen("large")
    except Exception:  # noqa: BLE001 - whatever it is that can't be decoded, it is no picture for us
        return Seen("broken")
    return Seen("ok", width, height)


_ORIENTATION = 0x0112
"""The tag of EXIF that says how the camera was held."""
_SMOOTH = {"RGB", "RGBA", "L", "CMYK"}
"""Modes of Pillow in which pixels can be mixed: others (a palette, black and white) are made to first."""
_TURNED = {5, 6, 7, 8}
"""Its values for a camera held upright."""


def _without_metadata(picture: Image.Image) -> Image.Image:
    """The same pixels and nothing else: place, camera and time stay with the original."""
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    return bare


def main() -> None:
    """Works through its input."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # `max_pixels` is looked at before anything is decoded
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, LARGEST_THUMBNAIL)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))
    for line in sys.stdin.buffer:
        seen = look(msgspec.json.decode(line, type=Task))
        sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
