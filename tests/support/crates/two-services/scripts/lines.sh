#!/bin/sh
if true; then
  wc -l < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/lines"
fi
