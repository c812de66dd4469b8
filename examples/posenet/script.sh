#!/bin/sh
# Finds the key points of the bodies in a picture with the model that the image carries.

name=$(basename "$INPUT_FILE_PATH")

if ! command -v deepaas-predict > /dev/null; then
    echo "deepaas-predict is not installed here: this script needs the image of its service" >&2
    exit 1
fi

echo "Looking for poses in $name"
deepaas-predict --input-file "$INPUT_FILE_PATH" --content-type application/zip \
    --output "$TMP_OUTPUT_DIR/${name%.*}.zip"
