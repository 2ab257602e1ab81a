#!/bin/sh
# Prints a C file that holds the given text files: a table `NAME[]` of
# { file name, text } ended by { NULL, NULL }.
# usage: embed.sh NAME FILE...
set -eu
name=$1
shift
printf '#include <stddef.h>\n#include "core/embed.h"\n'
printf 'const thm_embedded %s[] = {\n' "$name"
for file; do
    printf '{"%s",\n' "$(basename "$file")"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' "$file"
    printf '},\n'
done
printf '{NULL, NULL}};\n'
