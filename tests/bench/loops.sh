#!/bin/sh
# A loop with carried state: YEARS years in ten regions, each of which copies the state of the year
# before. Planned, run, run again with nothing to do, and with one state in the middle changed by hand;
# the same graph by ninja, both with two at once. Tools take turns in each round.
#
#   BENCH_YEARS   years (default: 1000)
#   BENCH_RUNS    rounds (default: 3)
#   and the settings of common.sh
#
# With ninja the last has nothing to be compared with: it takes a state that was changed for a newer input
# and works on from it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
years=${BENCH_YEARS:-1000}

make_loop() {
    cat >pawl.toml <<EOF
[pipeline]
name = "loop"

[stage.simulate]
matrix = { region = { from = 1, to = 10 }, year = { from = 1, to = $years } }
inputs = { before = "state/{{region}}-{{year - 1}}" }
outputs = ["state/{{region}}-{{year}}"]
run = "cp {{inputs.before}} {{outputs}}"
EOF
    awk -v years="$years" 'BEGIN {
        print "rule copy\n  command = cp $in $out"
        for (region = 1; region <= 10; region++)
            for (year = 1; year <= years; year++)
                print "build state/" region "-" year ": copy state/" region "-" year - 1
    }' >build.ninja
}

start_states() {
    rm -rf state .pawl .ninja_log .ninja_deps
    mkdir state
    for region in $(seq 10); do
        echo "state of region $region" >"state/$region-0"
    done
}

# One round of a tool, in a folder of its own.
one_round() { # TOOL
    mkdir -p "$work/$1"
    cd "$work/$1"
    make_loop
    start_states
    case $1 in
    pawl)
        measured "plan,pawl" "$pawl" plan
        measured "full,pawl" "$pawl" run -q -j 2
        measured "no-op,pawl" "$pawl" run
        echo damaged >"state/3-$((years / 2))"
        measured "damaged,pawl" "$pawl" run
        measured "from,pawl" "$pawl" run -q -j 2 --from "simulate@year=$((years - 9))"
        ;;
    ninja)
        measured "plan,ninja" ninja -n
        measured "full,ninja" ninja --quiet -j 2
        measured "no-op,ninja" ninja
        ;;
    esac
    cd "$work"
}

enter loops
tools="pawl $(installed ninja)"
for round in $(seq "${BENCH_RUNS:-3}"); do
    say "loops, round $round"
    # shellcheck disable=SC2086 # words
    for tool in $(rotate "$round" $tools); do
        one_round "$tool"
    done
done
report '
    function bar_of(what, of, name) {
        bar("loops: " what " of " 10 * years " instances, share of the " name " of ninja", "most", 1,
            ratio(median(of, what SUBSEP "pawl"), median(of, what SUBSEP "ninja")))
    }
    { row = $1 SUBSEP $2; if (!(row in count)) rows[++n] = row; note(row) }
    END {
        print "| what | tool | wall ms | processor ms | MiB |"
        print "| --- | --- | ---: | ---: | ---: |"
        for (i = 1; i <= n; i++) {
            split(rows[i], part, SUBSEP)
            printf "| %s | %s | %.1f | %.1f | %.1f |\n", part[1], part[2], median(wall_ms, rows[i]), \
                median(cpu_ms, rows[i]), median(mib, rows[i])
        }
        bar_of("plan", cpu_ms, "processor time")
        bar_of("full", wall_ms, "time")
        bar_of("no-op", wall_ms, "time")
        bar("loops: KiB an instance to plan", "most", 1, median(mib, "plan" SUBSEP "pawl") * 1024 / (10 * years))
    }' years="$years"
