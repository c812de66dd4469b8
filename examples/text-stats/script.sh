#!/bin/sh
# Counts the lines, words and characters of a text and ranks its ten most frequent words.
# OSCAR sets INPUT_FILE_PATH (the file that was uploaded) and TMP_OUTPUT_DIR (what is left there is stored).

name=$(basename "$INPUT_FILE_PATH")
report="$TMP_OUTPUT_DIR/${name%.*}.stats.txt"

echo "Reading $name"
{
    echo "Text:       $name"
    echo "Lines:      $(($(wc -l < "$INPUT_FILE_PATH")))"
    echo "Words:      $(($(wc -w < "$INPUT_FILE_PATH")))"
    echo "Characters: $(($(wc -c < "$INPUT_FILE_PATH")))"
    echo
    echo "Most frequent words:"
    tr -cs '[:alpha:]' '[\n*]' < "$INPUT_FILE_PATH" | tr '[:upper:]' '[:lower:]' |
        grep . | sort | uniq -c | sort -k1,1nr -k2 | head -n 10
} > "$report"
echo "Wrote $(basename "$report")"
