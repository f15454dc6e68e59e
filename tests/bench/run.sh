#!/bin/sh
# Measures pawl against ninja, samurai and make, those that are installed, on the same graph of
# small commands (see graph.sh), and prints pawl's medians as ratios to theirs:
#
#   first     nothing is there, once, before the rounds
#   full      the same in every round, up to 10,000 leaves
#   no-op     nothing has changed
#   check     nothing has changed, `plan --check` (pawl alone)
#   touch     one source has another time and the same bytes
#   change    one source has other bytes
#
# In every round all tools do the same step one after the other, so that what else the machine
# does falls on all alike. Each works in a folder of its own with the same content; after each run
# its last output is compared with what it must be.
#
#   BENCH_RUNS      rounds (default: 5 up to 1000 leaves, 3 above)
#   BENCH_TOOLS     which of: pawl pawl-matrix ninja samu make (default: all that are here)
#   BENCH_SCENARIOS which of: full no-op check touch change (default: all)
#   BENCH_JOBS      commands at once (default: 2)
#   and the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
tools=${BENCH_TOOLS:-pawl pawl-matrix $(installed ninja samu make)}
jobs=${BENCH_JOBS:-2}

# --- one step of one tool ------------------------------------------------------------------------

# Runs TOOL for SCENARIO in the current folder.
run_tool() { # SCENARIO TOOL ROUND
    names=$size,$1,$2,$3
    case $2-$1 in
    pawl-check) set -- "$pawl" plan --check ;;
    pawl-matrix-check) set -- "$pawl" -f matrix.toml plan --check ;;
    pawl-matrix-*) set -- "$pawl" -f matrix.toml run -q -j "$jobs" ;;
    pawl-*) set -- "$pawl" run -q -j "$jobs" ;;
    ninja-*) set -- ninja --quiet -j "$jobs" ;;
    samu-*) set -- samu -j "$jobs" ;;
    make-*) set -- make -s -r -j "$jobs" ;;
    esac
    measured "$names" "$@"
}

# The same for all: outputs, their folders and every tool's state. Folders of outputs are made
# beforehand because make does not. Nothing is deleted before the end: ext4 without a journal looks
# at every inode that was deleted in the last minutes whenever it makes a file.
clean() { # TOOL ROUND
    away=$work/away/$size-$1-$2
    mkdir -p "$away"
    for entry in leaf join all .pawl .ninja_log .ninja_deps; do
        [ ! -e "$entry" ] || mv "$entry" "$away/"
    done
    mkdir leaf join
    (cd src && printf 'leaf/%s\n' *) | xargs mkdir
}

# The source that a round touches or changes: one in the middle, another in each round.
source_of() { # ROUND
    printf 'src/%s/%s\n' $((100001 + size / 200)) $((101 + $1 * 7 % 100))
}

prepare() { # SCENARIO TOOL ROUND
    case $1 in
    first | full) clean "$2" "$3" ;;
    touch) touch "$(source_of "$3")" ;;
    change) printf 'changed in round %s\n' "$3" >>"$(source_of "$3")" ;;
    esac
}

# What all sources together are; there are more of them than one call takes.
verify() { # SCENARIO TOOL
    printf '%s\0' src/*/* | xargs -0 cat | cmp -s - all ||
        die "the last output of $2 in '$PWD' is wrong after '$1'"
}

step() { # SCENARIO TOOL ROUND
    cd "$work/$size/$2"
    prepare "$@"
    # What the step before wrote must not be written during this one.
    sync
    run_tool "$@"
    verify "$@"
}

# --- all of it -----------------------------------------------------------------------------------

# Which steps a round has: SCENARIO TOOL on each line.
steps_of() { # ROUND
    for scenario in ${BENCH_SCENARIOS:-full no-op check touch change}; do
        [ "$scenario" != full ] || [ "$size" -le 10000 ] || continue
        # shellcheck disable=SC2086 # a list of words
        for tool in $(rotate "$1" $tools); do
            case $scenario-$tool in
            check-ninja | check-samu | check-make) ;;
            *) printf '%s %s\n' "$scenario" "$tool" ;;
            esac
        done
    done
}

measure_size() {
    if [ "$size" -le 1000 ]; then runs=${BENCH_RUNS:-5}; else runs=${BENCH_RUNS:-3}; fi
    for tool in $tools; do
        mkdir -p "$work/$size/$tool"
        (cd "$work/$size/$tool" && sh "$here/graph.sh" "$size")
        step first "$tool" 0
    done
    for round in $(seq "$runs"); do
        say "$size leaves, round $round of $runs"
        steps_of "$round" >"$work/steps"
        while read -r scenario tool; do
            step "$scenario" "$tool" "$round"
        done <"$work/steps"
    done
}

enter run
trap 'rm -rf "$work/away" "$work"/[0-9]*' EXIT
trap 'exit 1' INT TERM HUP
for size in $sizes; do
    measure_size
done
report "$(cat "$here/run.awk")"
