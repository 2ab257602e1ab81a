#!/bin/sh
# Prints a manual page made of what a program says of itself.
# usage: man.sh PROGRAM
set -eu
name=$(basename "$1")
# the backslashes and leading dots of the help text are not commands
help=$("$1" --help | sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/" -e 's/-/\\-/g')
# what it is for: the paragraph after the line of usage
purpose=$(echo "$help" | sed -n '2,/^$/p')
version=$("$1" --version | sed 's/.* //')
cat <<END
.TH "$name" 1 "" "theoremeter $version"
.SH NAME
$name \- $purpose
.SH USE
.nf
$help
.fi
END
