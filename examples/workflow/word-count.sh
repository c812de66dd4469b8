#!/bin/sh
# Counts how often each word occurs in a list that has one word a line.

name=$(basename "$INPUT_FILE_PATH")
sort "$INPUT_FILE_PATH" | uniq -c | sort -k1,1nr -k2 > "$TMP_OUTPUT_DIR/${name%.*}.counts"
echo "Counted $(($(wc -l < "$TMP_OUTPUT_DIR/${name%.*}.counts"))) different words of $name"
