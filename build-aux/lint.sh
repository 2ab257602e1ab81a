#!/bin/sh
# What the compiler does not check: the layers, who may name BLAS or print, that
# a claim exists in its note, the catalogue and its proof or in none of them.
# usage: lint.sh     One line a finding; exit code 1 if there is any.
set -u
cd "$(dirname "$0")/.." || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
: >"$scratch/found"
found() {
    sed "s|^|lint: |" >>"$scratch/found"
}

# Comments gone, code and strings left, one line "file:line:code" each.
code() {
    for file; do
        ${CC:-cc} -x c -fpreprocessed -E "$file" 2>/dev/null |
            awk -v file="$file" '
                /^# [0-9]+ / { line = $2 - 1; next }
                { line++; if ($0 ~ /[^ ]/) print file ":" line ":" $0 }'
    done
}
# shellcheck disable=SC2046  # one argument a file, here and below
code $(find src -name '*.[ch]') >"$scratch/src"

# Layers: a file includes its own or a lower one.
awk -F: '
    BEGIN {
        n = split("core io la softmax attn|flow|landscape|vit claims|sweep", name, " ")
        for (i = 1; i <= n; i++) {
            m = split(name[i], beside, "|")
            for (j = 1; j <= m; j++) rank[beside[j]] = i
        }
    }
    match($0, /:#include "[^"]*"/) {
        target = substr($0, RSTART + 11, RLENGTH - 12)
        split($1, from, "/")
        split(target, to, "/")
        if (!(from[2] in rank))
            print $1 ":" $2 ": layer " from[2] " is not in build-aux/lint.sh"
        else if (!(to[1] in rank))
            print $1 ":" $2 ": src may not include " target
        else if (rank[to[1]] > rank[from[2]] ||
                 (rank[to[1]] == rank[from[2]] && to[1] != from[2]))
            print $1 ":" $2 ": " from[2] " may not include " target
    }' "$scratch/src" | found

# BLAS and LAPACK have one owner.
{
    cat "$scratch/src"
    # shellcheck disable=SC2046
    code $(find programs proofs experiments -name '*.[ch]')
} | grep -v '^src/la/' |
    grep -E '"?(cblas|f77blas|lapacke|lapack)\.h|cblas_|LAPACKE_|openblas_' |
    sed 's/:\([0-9]*\):.*/:\1: only src\/la names BLAS and LAPACK/' | found

# The library neither prints nor exits.
grep -E '(^|[^A-Za-z0-9_])(printf|vprintf|puts|putchar|perror|exit|_exit|quick_exit|abort|assert) ?\(|(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)' \
    "$scratch/src" |
    sed 's/:\([0-9]*\):.*/:\1: src neither prints nor exits/' | found

# A file is one idea.
find src -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total" && $1 > 400 {
    print $2 ":1: " $1 " lines, more than 400" }' | found

# Claims: id and slug in note and catalogue, id and twin in the proof program
# that the catalogue names.
id='[A-Z][0-9]+(\.[0-9]+)?'
sed -nE "s/^### ($id) · ([a-z0-9-]+)\$/\1 \3/p" paper-notes/*.md |
    sort >"$scratch/noted"
sed -nE "s/.*\"($id)\", *\"([a-z0-9-]+)\", *\"([a-z0-9-]+)\".*/\1 \3 \4/p" \
    src/claims/catalogue.c | sort >"$scratch/catalogue"
cut -d' ' -f1,2 "$scratch/catalogue" >"$scratch/listed"
awk '{ print $1, $3; print "X" $1, $3 }' "$scratch/catalogue" |
    sort >"$scratch/promised"
for proof in proofs/*.c; do
    program=$(basename "$proof" .c | tr _ -)
    case $program in
    proof | TEMPLATE) continue ;;
    esac
    code "$proof" | grep -oE "\"X?$id\"" | tr -d '"' | sort -u |
        sed "s/\$/ $program/"
done | sort >"$scratch/proved"
[ -s "$scratch/catalogue" ] ||
    echo "src/claims/catalogue.c:1: no claim was found" | found
differ() { # what $1 has and $2 has not, said as $3
    comm -23 "$1" "$2" | while read -r claim rest; do
        echo "claim $claim ($rest): $3"
    done | found
}
differ "$scratch/noted" "$scratch/listed" "in a note, not in the catalogue"
differ "$scratch/listed" "$scratch/noted" "in the catalogue, not in a note"
differ "$scratch/promised" "$scratch/proved" \
    "in the catalogue, not in its proof program"
differ "$scratch/proved" "$scratch/promised" \
    "in a proof program, not in the catalogue"
for field in Statement Hypotheses Source Expected Proof Rounding Twin; do
    awk -v field="$field" '
        function tell() {
            if (claim != "" && !seen)
                print FILENAME ": claim " claim " has no **" field ".**"
        }
        /^#/ { tell(); claim = "" }
        /^### [A-Z][0-9.]* · / { claim = $2; seen = 0 }
        index($0, "**" field ".**") == 1 { seen = 1 }
        END { tell() }' paper-notes/*.md
done | found

sort -u "$scratch/found" >&2
[ ! -s "$scratch/found" ]
