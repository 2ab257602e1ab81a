#!/bin/sh
# Fetches 4000 + 1000 reviews of food, the data sets training_data and
# testing_data of the R package modeldata, from Debian's r-cran-modeldata.
# usage: data-reviews.sh FOLDER     Does nothing if FOLDER has both files.
#
# The package is downloaded and unpacked, not installed: it would bring R along.
# Its licence is MIT; the reviews are from Amazon's, gathered by McAuley and
# Leskovec (WWW 2013).
set -eu
folder=$1
package=r-cran-modeldata
files=usr/lib/R/site-library/modeldata/data

if test -s "$folder/Rdata.rdx" && test -s "$folder/Rdata.rdb"; then
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(
    cd "$scratch"
    apt-get -qq -o APT::Sandbox::User=root download $package >/dev/null
    dpkg-deb -x $package*.deb .
    test -s $files/Rdata.rdx && test -s $files/Rdata.rdb
) || {
    echo "data-reviews.sh: apt-get could not fetch $package; without apt, unpack" \
        "Debian's package and copy $files/Rdata.rd? to $folder" >&2
    exit 1
}
mkdir -p "$folder"
mv "$scratch/$files/Rdata.rdb" "$folder"
mv "$scratch/$files/Rdata.rdx" "$folder" # last: by it the reviews are found
echo "data-reviews.sh: reviews are in $folder" >&2
