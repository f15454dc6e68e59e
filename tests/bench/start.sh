#!/bin/sh
# Measures how fast commands are started: 5,000 of a tiny static program that does nothing, two at
# once, by pawl and by a bare loop of vfork, exec and wait (spawn_loop.c), in turn; prints how much
# of the loop's rate pawl reaches, by the medians. The stages have neither inputs nor outputs, so
# nothing is left but starting, and the record of it.
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
cat >pawl.toml <<EOF
[pipeline]
name = "start"

[stage.start]
matrix = { number = { from = 1, to = $commands } }
run = "$work/nothing"
EOF
for _ in $(seq "${BENCH_RUNS:-7}"); do
    rm -rf .pawl
    measured loop ./spawn_loop "$commands" 2 "$work/nothing"
    measured pawl "$pawl" run -j 2 -q
done
report '
    { note($1) }
    END {
        share = ratio(median(wall_ms, "loop"), median(wall_ms, "pawl"))
        printf "%d commands, two at once: loop %.0f a second, pawl %.0f, %.2f of it\n", commands,
            commands / median(wall_ms, "loop") * 1e3, commands / median(wall_ms, "pawl") * 1e3, share
        bar("start: share of the rate of a bare loop", "least", 0.7, share)
    }' commands="$commands"
