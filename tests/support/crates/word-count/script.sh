#!/bin/sh
words=$(wc -w < "$INPUT_FILE_PATH")
echo "Words: $((words))" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH").words.txt"
