#!/bin/sh
# Measures planning by itself: time and memory of reading a manifest and building its plan
# (`pawl dump plan`), and of `pawl plan`, which also looks at every file, digests the sources and
# shows what would run. The graph is that of graph.sh, as a table for each command (stages) and as
# three stages (matrix). Nothing of it was run before, so that everything is decided.
#
#   BENCH_RUNS    rounds (default: 5)
#   and the settings of common.sh
#
# The bars of time are those of 100,000 leaves. Memory must grow no faster than the number of leaves.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"

measure_size() { # SIZE
    mkdir "$work/$1"
    cd "$work/$1"
    sh "$here/graph.sh" "$1"
    for _ in $(seq "${BENCH_RUNS:-5}"); do
        measured "$1,read,stages" "$pawl" dump plan pawl.toml
        measured "$1,read,matrix" "$pawl" dump plan matrix.toml
        measured "$1,plan,stages" "$pawl" plan -f pawl.toml
        measured "$1,plan,matrix" "$pawl" plan -f matrix.toml
    done
    cd "$work"
    rm -rf "${work:?}/$1"
}

enter plan
for leaves in $sizes; do
    say "planning, $leaves leaves"
    measure_size "$leaves"
done
report "$(cat "$here/plan.awk")"
