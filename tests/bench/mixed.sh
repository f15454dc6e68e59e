#!/bin/sh
# 48 stages on the processors there are, half of them `sleep 1`, half of them computing for MS
# milliseconds of processor time, one of each in turn: pawl as it comes against `ninja -jN` and
# `make -jN` for N processors. What none of them can be faster than: the computing, on all
# processors. What N at once cannot be faster than: all of it, N at a time. The bar of 2.5 times
# stands where that much can be won: with 500 milliseconds at most 3.0, with 1000 at most 2.0.
#
#   BENCH_MIXED_MS     each MS (default: 1000 500)
#   BENCH_RUNS         rounds (default: 1)
#   and the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
cpus=$(nproc)
pairs=24

write_graphs() { # MS
    printf '[pipeline]\nname = "mixed"\n' >pawl.toml
    printf 'rule run\n  command = $do\n' >build.ninja
    printf '.PHONY: all\nall:\n' >Makefile
    for i in $(seq $pairs); do
        printf '[stage.sleep-%s]\nrun = "sleep 1"\n' "$i" >>pawl.toml
        printf '[stage.compute-%s]\nrun = "%s %s"\n' "$i" "$work/compute" "$1" >>pawl.toml
        printf 'build s%s: run\n  do = sleep 1\n' "$i" >>build.ninja
        printf 'build c%s: run\n  do = %s %s\n' "$i" "$work/compute" "$1" >>build.ninja
        printf '.PHONY: s%s c%s\nall: s%s c%s\n' "$i" "$i" "$i" "$i" >>Makefile
        printf 's%s:\n\tsleep 1\nc%s:\n\t%s %s\n' "$i" "$i" "$work/compute" "$1" >>Makefile
    done
}

# Behind the row of figures stands one of the hundredths of a second that everybody took.
once() { # MS TOOL
    names=$1,$2
    case $2 in
    pawl) set -- "$pawl" run -q ;;
    ninja) set -- ninja --quiet -j "$cpus" ;;
    make) set -- make -s -r -j "$cpus" ;;
    esac
    rm -rf .pawl .ninja_log .ninja_deps
    before=$(busy)
    measured "$names" "$@"
    printf '%s,busy,%s\n' "$names" $(($(busy) - before)) >>"$results"
}

enter mixed
compile compute
for ms in ${BENCH_MIXED_MS:-1000 500}; do
    write_graphs "$ms"
    for round in $(seq "${BENCH_RUNS:-1}"); do
        say "mixed, $ms ms, round $round"
        for tool in pawl $(installed ninja make); do
            once "$ms" "$tool"
        done
    done
done
report '
    $3 == "busy" { busy[$1, $2] += $4; next }
    { note($1 SUBSEP $2); all_s[$1, $2] += ($3 / 1e9) * cpus; own_s[$1, $2] += ($4 + $5) / 1e6 }
    $2 == "pawl" && !seen[$1]++ { list[++lists] = $1 }

    function tell(ms, tool,   times, others) {
        if (!count[ms, tool]) return
        times = ratio(median(wall_ms, ms SUBSEP tool), median(wall_ms, ms SUBSEP "pawl"))
        others = (busy[ms, tool] / 100 - own_s[ms, tool]) / all_s[ms, tool] * 100
        if (others < 0) others = 0
        printf "  %-6s %6.2f s (others took %.0f %%): pawl is %.2f times as fast\n", tool,
            median(wall_ms, ms SUBSEP tool) / 1e3, others, times
        if (tool != "pawl" && most[ms] >= 2.5)
            bar("mixed, " ms " ms: times as fast as " tool, "least", 2.5, times)
    }

    END {
        for (i = 1; i <= lists; i++) {
            ms = list[i]
            least = pairs * ms / 1000 / cpus
            slots = pairs / cpus + least
            most[ms] = slots / least
            printf "%d x sleep 1, %d x computing for %.1f s, %d processors: no tool below %.1f s, " \
                "%d at once not below %.1f s, %.2f times is the most\n", pairs, pairs, ms / 1e3,
                cpus, least, cpus, slots, most[ms]
            tell(ms, "pawl")
            tell(ms, "ninja")
            tell(ms, "make")
        }
    }' cpus="$cpus" pairs="$pairs"
