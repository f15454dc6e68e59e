#!/bin/sh
# Twenty stages that compute, each for the same processor time, at `-j 1` and at `-j 2`, in turn.
# Linear is: at `-j 1` what they compute, one after the other; at `-j 2` half of what `-j 1` took.
#
#   BENCH_COMPUTE_MS   processor time of a stage (default: 250)
#   BENCH_RUNS         rounds (default: 3)
#   and the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
ms=${BENCH_COMPUTE_MS:-250}

enter scaling
compile compute
manifest scaling compute 20 "$work/compute $ms"
for round in $(seq "${BENCH_RUNS:-3}"); do
    for jobs in $(rotate "$round" 1 2); do
        rm -rf .pawl
        measured "$jobs" "$pawl" run -j "$jobs" -q
    done
done
report '
    { note($1) }
    END {
        one = median(wall_ms, 1)
        two = median(wall_ms, 2)
        printf "20 stages computing for %d ms: -j 1 %.2f s, -j 2 %.2f s\n", ms, one / 1e3, two / 1e3
        bar("scaling: -j 1, share of linear", "least", 0.9, 20 * ms / one)
        bar("scaling: -j 2, share of linear", "least", 0.9, one / (2 * two))
    }' ms="$ms"
