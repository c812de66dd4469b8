"""Pictures on a terminal: each character is two pixels, the upper half in one colour, the lower in another.

Every terminal can show that, also through tmux and in a browser.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from rich.text import Text

from oscarcli.errors import RefusedError

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
MAX_PICTURE_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 64_000_000
UPPER_HALF = "▀"


def is_picture(name: str) -> bool:
    """Tell by its name whether a file is a picture."""
    return name.lower().endswith(ENDINGS)


def half_blocks(data: bytes, columns: int, lines: int) -> Text:
    """Return a picture as text that fits into so many columns and lines.

    Raises:
        RefusedError: it is no picture of a known kind, not a whole one, or has too many pixels.
    """
    picture = _opened(data, columns, lines * 2)
    width, height = picture.size
    pixels = picture.tobytes()

    def colour(x: int, y: int) -> Color | None:
        place = (y * width + x) * 3
        return Color.from_rgb(*pixels[place : place + 3]) if y < height else None

    text = Text(no_wrap=True)
    for y in range(0, height, 2):
        for x in range(width):
            text.append(UPPER_HALF, Style(color=colour(x, y), bgcolor=colour(x, y + 1)))
        text.append("\n")
    return text


def _opened(data: bytes, width: int, height: int) -> Image:
    """Return a picture in RGB, made smaller where it does not fit."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise RefusedError(f"the picture has {picture.width} x {picture.height} pixels: too many")
                picture.draft("RGB", (width * 2, height * 2))
                # What is transparent shows a dark ground.
                shown = picture.convert("RGBA")
        shown.thumbnail((width, height))
        ground = Image.new("RGB", shown.size, (18, 18, 18))
        ground.paste(shown, mask=shown.getchannel("A"))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise RefusedError("this is no picture that can be shown, or not all of one") from error
    return ground
