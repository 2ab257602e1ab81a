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
# Seconds for a test that does not say: a machine may be busy.
export CK_DEFAULT_TIMEOUT=120

count() { # $1 passed, $2 failed
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# run STAGE PREFIX... -- SUITE...: runs each suite after the prefix, as many at
# once as there are processors, and counts.  A suite that dies before its
# summary, or fails after it (a leak found at exit), is one failure more.
run() {
    local stage=$1 prefix=() test code checks failures errors wrong
    shift
    while [ "$1" != -- ]; do
        prefix+=("$1")
        shift
    done
    shift
    # shellcheck disable=SC2016  # the inner shell expands
    printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -I{} bash -c '
        log=$1-$(basename "$2").log
        shift 1
        "${@:2}" "$1" >"$log" 2>&1
        echo $? >"$log.code"' run "$logs/$stage" {} "${prefix[@]}"
    for test; do
        log=$logs/$stage-$(basename "$test").log
        code=$(cat "$log.code")
        checks='' failures=0 errors=0
        read -r checks failures errors < <(sed -nE \
            's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' \
            "$log" | tail -1)
        wrong=$((failures + errors))
        if [ "$code" -ne 0 ] && [ $wrong -eq 0 ]; then
            wrong=1
            echo "$test: exit code $code"
        fi
        if [ $wrong -gt 0 ]; then
            # the first finding of valgrind says more than the thousandth
            head -n 100 "$log"
        fi
        if [ -z "$checks" ]; then
            checks=1 wrong=1
        fi
        echo "$(basename "$test"): $checks checks, $wrong wrong"
        count $((checks > wrong ? checks - wrong : 0)) $wrong
    done
}

stage() {
    echo "== $* ($SECONDS s)"
}

stage suites
run plain -- "${tests[@]/#/$build/tests/}"

stage suites under the address and undefined-behaviour sanitizers
# A test provokes an allocation that no machine can satisfy.
ASAN_OPTIONS=allocator_may_return_null=1 \
    run asan -- "${tests[@]/#/$build/asan/tests/}"

stage library suites under valgrind
# Programs started by a suite are not followed, so those suites are left out, and
# tests tagged long, which take minutes there.  valgrind shows a CPU without
# AVX-512: a core that the user forced may want more.  What FLINT and OpenMP keep
# for each thread is "possibly lost".
library=()
# valgrind has no wider long double, on which the oracles of two suites rest.
for test in "${tests[@]}"; do
    [[ $test =~ ^test_(sigma|vit_forward)$ ]] ||
    grep -Eq 'find_program|/bin|"programs/' "tests/$test.c" ||
        library+=("$build/tests/$test")
done
CK_FORK=no CK_EXCLUDE_TAGS=long run valgrind env -u OPENBLAS_CORETYPE valgrind \
    -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite -- "${library[@]}"

stage what once broke a reader
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

stage claims and twins
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

stage layers and claim ids
if build-aux/lint.sh; then
    count 1 0
else
    count 0 1
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
