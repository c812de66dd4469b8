#!/bin/sh
# Takes the colours out of a picture with ImageMagick, whose program is `magick` since version 7.

name=$(basename "$INPUT_FILE_PATH")

if command -v magick > /dev/null; then
    convert=magick
elif command -v convert > /dev/null; then
    convert=convert
else
    echo "ImageMagick is not installed here: $name is skipped"
    exit 0
fi

"$convert" "$INPUT_FILE_PATH" -colorspace Gray "$TMP_OUTPUT_DIR/$name" && echo "Wrote a gray $name"
