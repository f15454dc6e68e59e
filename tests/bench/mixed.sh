#!/bin/sh
# 48 stages on the processors there are, half of them `sleep 1`, half of them computing for MS
# milliseconds of processor time, one of each in turn: pawl as it comes against `ninja -jN` and
# `make -jN` for N processors. What none of them can be faster than: the computing, on all
# processors. What N at once cannot be faster than: all of it, N at a time.
#
#   mixed.sh [MS]      (default: 1000)
#
#   BENCH_ROUNDS       how often each (default: 1)
#   PAWL, BENCH_DIR    see common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
ms=${1:-1000}
cpus=$(nproc)
pairs=24

write_graphs() {
    printf '[pipeline]\nname = "mixed"\n' >pawl.toml
    printf 'rule run\n  command = $do\n' >build.ninja
    printf '.PHONY: all\nall:\n' >Makefile
    for i in $(seq $pairs); do
        printf '[stage.sleep-%s]\nrun = "sleep 1"\n' "$i" >>pawl.toml
        printf '[stage.compute-%s]\nrun = "%s %s"\n' "$i" "$work/compute" "$ms" >>pawl.toml
        printf 'build s%s: run\n  do = sleep 1\n' "$i" >>build.ninja
        printf 'build c%s: run\n  do = %s %s\n' "$i" "$work/compute" "$ms" >>build.ninja
        printf '.PHONY: s%s c%s\nall: s%s c%s\n' "$i" "$i" "$i" "$i" >>Makefile
        printf 's%s:\n\tsleep 1\nc%s:\n\t%s %s\n' "$i" "$i" "$work/compute" "$ms" >>Makefile
    done
}

# Processor time of everybody so far, in hundredths of a second.
busy() {
    awk '$1 == "cpu" { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat
}

once() {
    tool=$1
    case $tool in
    pawl) set -- "$pawl" run -q ;;
    ninja) set -- ninja --quiet -j "$cpus" ;;
    make) set -- make -s -r -j "$cpus" ;;
    esac
    rm -rf .pawl .ninja_log .ninja_deps
    before=$(busy)
    ./measure figures "$@" >log 2>&1 </dev/null || {
        cat log >&2
        die "'$*' failed"
    }
    after=$(busy)
    awk -F , -v tool="$tool" -v busy=$((after - before)) -v cpus="$cpus" '{
        wall = $1 / 1e9
        others = (busy / 100 - ($2 + $3) / 1e6) / (wall * cpus) * 100
        printf "%s %.2f %.2f %.0f\n", tool, wall, ($2 + $3) / 1e6, (others > 0 ? others : 0)
    }' figures | tee -a results | sed 's/^/bench: /' >&2
}

enter mixed
write_graphs
tools=pawl
for tool in ninja make; do
    ! command -v "$tool" >/dev/null 2>&1 || tools="$tools $tool"
done
for round in $(seq "${BENCH_ROUNDS:-1}"); do
    printf 'bench: mixed, %s ms, round %s: tool, wall s, processor s, %% taken by others\n' "$ms" \
        "$round" >&2
    for tool in $tools; do
        once "$tool"
    done
done
awk -v ms="$ms" -v cpus="$cpus" -v pairs=$pairs '
    { wall[$1] += $2; others[$1] += $4; rounds[$1]++ }
    END {
        least = pairs * ms / 1000 / cpus
        slots = (pairs + pairs * ms / 1000) / cpus
        printf "%d x sleep 1, %d x computing %.1f s, %d processors\n", pairs, pairs, ms / 1000, cpus
        printf "no tool below %.1f s; %d at once not below %.1f s: %.2f times is the most\n", least, \
            cpus, slots, slots / least
        for (tool in wall) {
            mean = wall[tool] / rounds[tool]
            printf "%-6s %6.2f s  (others took %.0f %%)", tool, mean, others[tool] / rounds[tool]
            if (tool != "pawl") printf "  pawl is %.2f times as fast", \
                mean / (wall["pawl"] / rounds["pawl"])
            print ""
        }
    }' results
