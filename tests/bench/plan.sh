#!/bin/sh
# Measures planning by itself: time and memory of reading a manifest and building its plan
# (`pawl dump plan`), and of `pawl plan`, which also looks at every file, digests the sources and
# shows what would run. The graph is that of graph.sh, as a table for each command (stages) and as
# three stages (matrix). Nothing of it was run before, so that everything is decided.
#
#   PAWL          the binary (default: build/pawl)
#   PLAN_SIZES    numbers of leaves (default: 1000 10000 100000)
#   PLAN_RUNS     rounds (default: 5)
#   BENCH_DIR     where to work (default: build/bench)
#
# The bars are those of 100,000 leaves: planning in 0.6 s from stages and 0.2 s from a matrix.
# Memory must grow no faster than the number of leaves.
set -eu

LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
dir=${BENCH_DIR:-$here/../../build/bench}
pawl=${PAWL:-$here/../../build/pawl}
runs=${PLAN_RUNS:-5}

mkdir -p "$dir/plan"
dir=$(cd "$dir/plan" && pwd)
pawl=$(cd "$(dirname "$pawl")" && pwd)/$(basename "$pawl")
results=$dir/results.csv

measure() { # SIZE WHAT SPELLING COMMAND…
    size=$1 what=$2 spelling=$3
    shift 3
    "$dir/measure" "$dir/figures" "$@" >"$dir/log" 2>&1 || {
        tail -n 5 "$dir/log" >&2
        echo "bench: '$*' in '$PWD' failed" >&2
        exit 1
    }
    printf '%s,%s,%s,%s\n' "$size" "$what" "$spelling" "$(cat "$dir/figures")" >>"$results"
}

measure_size() { # SIZE
    rm -rf "${dir:?}/$1"
    mkdir "$dir/$1"
    cd "$dir/$1"
    sh "$here/graph.sh" "$1"
    round=0
    while [ "$round" -lt "$runs" ]; do
        measure "$1" read stages "$pawl" dump plan pawl.toml
        measure "$1" read matrix "$pawl" dump plan matrix.toml
        measure "$1" plan stages "$pawl" plan -f pawl.toml
        measure "$1" plan matrix "$pawl" plan -f matrix.toml
        round=$((round + 1))
    done
    cd "$dir"
    rm -rf "${dir:?}/$1"
}

"${CC:-cc}" -O2 -D_GNU_SOURCE -o "$dir/measure" "$here/measure.c"
echo 'leaves,what,spelling,wall_ns,user_us,system_us,maxrss_kib' >"$results"
for leaves in ${PLAN_SIZES:-1000 10000 100000}; do
    echo "bench: planning of $leaves leaves" >&2
    measure_size "$leaves"
done
awk -F , -f "$here/plan_report.awk" "$results"
