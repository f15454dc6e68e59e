#!/bin/sh
# Measures how fast commands are started: 5,000 of a tiny static program that does nothing, by pawl,
# two at once, and by a bare loop of vfork, exec and wait (spawn_loop.c), in turn; prints how much of
# the loop's rate pawl reaches, by the medians. The loop is measured both ways: one at a time, which
# is what such a loop is, and two at once, which is the least that any program could need. The stages
# have neither inputs nor outputs, so nothing is left but starting, and the record of it.
#
#   BENCH_START   commands (default: 5000)
#   BENCH_RUNS    rounds (default: 7)
#   and the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
commands=${BENCH_START:-5000}

enter start
printf 'int main(void)\n{\n    return 0;\n}\n' >nothing.c
compile_static nothing nothing.c
compile_static spawn_loop
manifest start start "$commands" "$work/nothing"
for _ in $(seq "${BENCH_RUNS:-7}"); do
    rm -rf .pawl
    measured loop ./spawn_loop "$commands" 1 "$work/nothing"
    measured loop2 ./spawn_loop "$commands" 2 "$work/nothing"
    measured pawl "$pawl" run -j 2 -q
done
report '
    { note($1) }
    END {
        pawl = median(wall_ms, "pawl")
        one = median(wall_ms, "loop")
        two = median(wall_ms, "loop2")
        printf "%d commands: pawl, two at once, %.0f a second; a loop %.0f, pawl %.2f of it;" \
            " a loop of two at once %.0f, pawl %.2f of it\n", commands, commands / pawl * 1e3,
            commands / one * 1e3, ratio(one, pawl), commands / two * 1e3, ratio(two, pawl)
        bar("start: share of the rate of a bare loop", "least", 0.7, ratio(one, pawl))
        bar("start: share of the rate of a bare loop, two at once", "least", 0.7, ratio(two, pawl))
    }' commands="$commands"
