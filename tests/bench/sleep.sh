#!/bin/sh
# 200 stages of `sleep 1` at `-j 50`: nobody can be faster than four seconds. Measured are the wall
# time and the processor time of pawl itself, without its commands, both as shares of that ideal.
#
#   BENCH_RUNS    rounds (default: 3)
#   and the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"

enter sleep
manifest sleep sleep 200 "sleep 1"
for _ in $(seq "${BENCH_RUNS:-3}"); do
    rm -rf .pawl
    measured pawl "$pawl" run -j 50 -q
done
report '
    { note("pawl") }
    END {
        ideal_ms = 200 / 50 * 1000
        printf "200 x sleep 1, 50 at once: %.3f s, pawl itself took %.1f ms of processor time\n",
            median(wall_ms, "pawl") / 1e3, median(own_ms, "pawl")
        bar("sleep: wall time to the ideal of 4 s", "most", 1.05, median(wall_ms, "pawl") / ideal_ms)
        bar("sleep: processor time of pawl itself to those 4 s", "most", 0.01,
            median(own_ms, "pawl") / ideal_ms)
    }'
