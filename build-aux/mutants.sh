#!/bin/sh
# Breaks src/softmax, src/la, src/flow, src/attn ... on purpose, one line at a
# time, and shows that the suites notice.  Each line of tests/mutants.tsv is a mutant:
#     file <TAB> what stands there, once <TAB> what takes its place <TAB> why
# usage: mutants.sh DIR [PATTERN]
# DIR holds the tree that is broken (a copy); PATTERN selects mutants by text.
# Exit 0 iff every mutant compiles and is killed.
set -eu
dir=$1
pattern=${2:-.}
root=$(cd "$(dirname "$0")/.." && pwd)
tests='test_softmax test_normsoftmax test_spectrum test_blas test_eig test_qr
test_lu test_loss test_flow test_flow_kernel test_flow_solve test_ode
test_ode_watch test_outer test_layer test_layer_edges test_layer_objective
test_rank test_instance test_landscape test_landscape_plane test_layer_err
test_pl test_conditions test_lanczos test_sigma test_sigma_single test_certify
test_binomial test_hull test_sweep test_train
test_vit_config test_vit_forward test_vit_bridge
test_vit_gradient test_vit_kernels test_vit_model
test_optimise test_eureka test_recorded test_trainer test_instruments
test_instruments_spectra test_task test_task_images test_task_sequences
test_task_pathfinder test_vit_spectra test_vit_rows
test_vit_maps test_vit_images test_vit_weights
test_rdata test_texts test_task_text'
limit=120

rm -rf "$dir"
mkdir -p "$dir"
for part in Makefile build-aux src tests paper-notes programs plots; do
    cp -R -p "$root/$part" "$dir/"
done
cd "$dir"
targets=
for t in $tests; do targets="$targets build/tests/$t"; done

# shellcheck disable=SC2086 # the targets are words
build() { make --no-print-directory -s $targets >build.log 2>&1; }

# The first suite that fails, or nothing.
killer() {
    for t in $tests; do
        CK_DEFAULT_TIMEOUT=$limit timeout "$limit" "build/tests/$t" \
            >"$t.log" 2>&1 || { echo "$t"; return; }
    done
}

echo "building the unbroken tree"
build || { cat build.log; exit 1; }
who=$(killer)
[ -z "$who" ] || { cat "$who.log"; echo "the unbroken tree fails $who"; exit 1; }

killed=0
survived=0
tab=$(printf '\t')
grep -v '^#' "$root/tests/mutants.tsv" | grep -e "$pattern" >mutants.list
while IFS=$tab read -r file from to why; do
    cp -p "$root/$file" "$file"
    FROM=$from TO=$to perl -0pi -e '
        my $n = () = /\Q$ENV{FROM}\E/g;
        die "stands there $n times, not once\n" unless $n == 1;
        s/\Q$ENV{FROM}\E/$ENV{TO}/' "$file" 2>perl.log ||
        true
    if cmp -s "$root/$file" "$file"; then
        verdict="NOT APPLIED ($(cat perl.log))"
    elif ! build; then
        verdict='DOES NOT COMPILE'
    else
        who=$(killer)
        verdict=${who:+"killed by $who"}
    fi
    case $verdict in
    killed*) killed=$((killed + 1)) ;;
    *) survived=$((survived + 1)) ;;
    esac
    printf '%-52s %-28s %s\n' "$why" "$file" "${verdict:-SURVIVED}"
    cp "$root/$file" "$file"
done <mutants.list
echo "mutants: $killed killed, $survived survived"
[ "$survived" -eq 0 ]
