#!/bin/sh
# Writes the words of a text in lower case, one a line.

name=$(basename "$INPUT_FILE_PATH")
tr -cs '[:alpha:]' '[\n*]' < "$INPUT_FILE_PATH" | tr '[:upper:]' '[:lower:]' | grep . \
    > "$TMP_OUTPUT_DIR/${name%.*}.words"
echo "Found $(($(wc -l < "$TMP_OUTPUT_DIR/${name%.*}.words"))) words in $name"
