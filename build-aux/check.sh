#!/bin/bash
# Runs the tests of a built tree and counts: suites plain, under sanitizers and
# (those of the library) under valgrind; the kept corpora of the fuzzers; every
# claim and twin of the catalogue; the rules of build-aux/lint.sh.
# usage: check.sh BUILD SUITE...   last line "N passed, M failed"; exit code 1
#                                  unless M = 0
set -uo pipefail
build=$1
shift
tests=("$@")
logs=$build/check
mkdir -p "$logs"
passed=0 failed=0

count() { # $1 passed, $2 failed
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# suite LOG COMMAND...: a Check suite; one that dies before its summary, or
# fails after it (a leak found at exit), counts as one failure more.
suite() {
    local log=$logs/$1.log code=0 checks failures errors
    shift
    "$@" >"$log" 2>&1 || code=$?
    read -r checks failures errors < <(sed -nE \
        's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' \
        "$log" | tail -1)
    if [ -z "${checks:-}" ]; then
        echo "died, exit code $code: $*"
        cat "$log"
        count 0 1
        return
    fi
    local wrong=$((failures + errors))
    count $((checks - wrong)) $wrong
    if [ $wrong -eq 0 ] && [ $code -ne 0 ]; then
        count 0 1
    fi
    if [ $code -ne 0 ]; then
        cat "$log"
    else
        sed -nE "s/^(100%: Checks: .*)/$(basename "${@: -1}"): \1/p" "$log"
    fi
}

stage() {
    echo "== $* (${SECONDS} s)"
}

stage suites
for test in "${tests[@]}"; do
    suite "plain-$test" "$build/tests/$test"
done

stage "suites under the address and undefined-behaviour sanitizers"
# A test provokes an allocation that no machine can satisfy.
export ASAN_OPTIONS=allocator_may_return_null=1
for test in "${tests[@]}"; do
    suite "asan-$test" "$build/asan/tests/$test"
done

stage "library suites under valgrind"
# It shows programs a CPU without AVX-512; a core forced by the user may want
# more.  What FLINT and OpenMP keep per thread is reachable to the end, or
# "possibly lost".  Tests tagged long take minutes there.
unset OPENBLAS_CORETYPE
export CK_FORK=no CK_EXCLUDE_TAGS=long
for test in "${tests[@]}"; do
    case $test in
    *_front_door | *_report | *_programs) ;; # start programs
    *)
        suite "valgrind-$test" valgrind -q --error-exitcode=9 \
            --leak-check=full --show-leak-kinds=definite \
            --errors-for-leak-kinds=definite "$build/tests/$test"
        ;;
    esac
done
unset CK_FORK CK_EXCLUDE_TAGS

stage "what once broke a reader"
for corpus in tests/fuzz/corpus/*; do
    name=$(basename "$corpus")
    log=$logs/replay-$name.log
    if "$build/asan/tests/replay-$name" "$corpus" >"$log" 2>&1; then
        files=$(sed -nE 's/.*: ([0-9]+) files$/\1/p' "$log")
        echo "$name: $files files"
        count "$files" 0
    else
        cat "$log"
        count 0 1
    fi
done

stage "claims and twins"
code=0
"$build/bin/theoremeter" verify --no-report --quiet --json --effort 0.2 \
    --out "$logs" >"$logs/claims.jsonl" || code=$?
read -r right wrong < <(sed -nE \
    's/.*"id": "([^"]*)".*"verdict": "([A-Z]*)", "expected": "([A-Z]*)".*/\1 \2 \3/p' \
    "$logs/claims.jsonl" | awk '
    $2 == $3 { right++; next }
    { wrong++; print $1 ": " $2 ", expected " $3 > "/dev/stderr" }
    END { print right + 0, wrong + 0 }')
if [ "$wrong" -eq 0 ] && [ $code -ne 0 ]; then
    echo "theoremeter verify: exit code $code"
    wrong=1
fi
echo "$right as expected"
count "$right" "$wrong"

stage "layers and claim ids"
if build-aux/lint.sh; then
    count 1 0
else
    count 0 1
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
