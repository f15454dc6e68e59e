#!/bin/sh
# Measures pawl against ninja, make and samurai, those that are installed, on the same graph of
# small commands (see graph.sh), and prints pawl's medians as ratios to theirs:
#
#   full      nothing is there
#   no-op     nothing has changed
#   touch     one source has another time and the same bytes
#   change    one source has other bytes
#
# In every round all tools do the same step one after the other, so that what else the machine
# does falls on all alike. Each works in a folder of its own with the same content; after each run
# its last output is compared with what it must be. Every single figure goes to results.csv.
#
#   PAWL            the binary (default: build/pawl)
#   BENCH_SIZES     numbers of leaves (default: 1000 10000)
#   BENCH_RUNS      rounds (default: 5 up to 1000 leaves, 3 above)
#   BENCH_TOOLS     which of: pawl pawl-matrix ninja make samu (default: all that are here)
#   BENCH_SCENARIOS which of: full no-op touch change (default: all)
#   BENCH_JOBS      commands at once (default: 2)
#   BENCH_DIR       where to work (default: build/bench)
set -eu

LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
dir=${BENCH_DIR:-$here/../../build/bench}
pawl=${PAWL:-$here/../../build/pawl}
jobs=${BENCH_JOBS:-2}
scenarios=${BENCH_SCENARIOS:-full no-op touch change}

# shellcheck source=tests/bench/rotate.sh
. "$here/rotate.sh"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
results=$dir/results.csv
log=$dir/log

die() {
    printf '%s\n' "bench: $*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# --- what is measured, and on what ---------------------------------------------------------------

choose_tools() {
    tools=
    if [ -x "$pawl" ]; then
        tools='pawl pawl-matrix'
    else
        echo "bench: '$pawl' is not there: the other tools alone" >&2
    fi
    for tool in ninja make samu; do
        ! has "$tool" || tools="$tools $tool"
    done
}

version_of() {
    case $1 in
    pawl*) "$pawl" version 2>/dev/null | head -n 1 ;;
    *) "$1" --version | head -n 1 ;;
    esac
}

describe_machine() {
    printf '# date %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf '# machine %s, %s cores, %s, %s\n' "$(uname -srm)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
        "$(awk '$1 == "MemTotal:" { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
    printf '# file system %s\n' "$(df -PT "$dir" | awk 'NR == 2 { print $2 }')"
    printf '# load before %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
    for tool in $tools; do
        printf '# tool %s %s\n' "$tool" "$(version_of "$tool")"
    done
}

# --- one step of one tool ------------------------------------------------------------------------

# Runs TOOL in the current folder, measured; the figures are in $dir/figures.
run_tool() {
    case $1 in
    pawl) set -- "$pawl" run -q -j "$jobs" ;;
    pawl-matrix) set -- "$pawl" -f matrix.toml run -q -j "$jobs" ;;
    ninja) set -- ninja --quiet -j "$jobs" ;;
    make) set -- make -s -r -j "$jobs" ;;
    samu) set -- samu -j "$jobs" ;;
    esac
    # The locale that pawl gives its commands: what they load is the same under all tools.
    LC_ALL=C.UTF-8 "$dir/measure" "$dir/figures" "$@" >"$log" 2>&1 </dev/null || {
        status=$?
        tail -n 20 "$log" >&2
        die "'$*' in '$PWD' ended with status $status"
    }
}

# The same for all: outputs, their folders and every tool's state. Folders of outputs are made
# beforehand because make does not. Nothing is deleted before the end: ext4 without a journal looks
# at every inode that was deleted in the last minutes whenever it makes a file.
clean() {
    away=$dir/away/$size-$3-$2
    mkdir -p "$away"
    for entry in leaf join all .pawl .ninja_log .ninja_deps; do
        [ ! -e "$entry" ] || mv "$entry" "$away/"
    done
    mkdir leaf join
    (cd src && printf 'leaf/%s\n' *) | xargs mkdir
}

# The source that a round touches or changes: one in the middle, another in each round.
source_of() {
    printf 'src/%s/%s\n' $((100001 + size / 200)) $((101 + $1 * 7 % 100))
}

prepare() { # SCENARIO ROUND TOOL
    case $1 in
    full) clean "$@" ;;
    touch) touch "$(source_of "$2")" ;;
    change) printf 'changed in round %s\n' "$2" >>"$(source_of "$2")" ;;
    esac
}

verify() {
    # More names than one call takes.
    printf '%s\0' src/*/* | xargs -0 cat | cmp -s - all || die "the last output of $1 in '$PWD' is wrong after '$2'"
}

step() { # SCENARIO ROUND TOOL
    cd "$dir/$size/$3"
    prepare "$@"
    # What the step before wrote must not be written during this one.
    sync
    run_tool "$3"
    verify "$3" "$1"
    [ "$2" = 0 ] || printf '%s,%s,%s,%s,%s\n' "$size" "$1" "$3" "$2" "$(cat "$dir/figures")" >>"$results"
}

# --- all of it -----------------------------------------------------------------------------------

measure_size() {
    if [ "$size" -le 1000 ]; then runs=${BENCH_RUNS:-5}; else runs=${BENCH_RUNS:-3}; fi
    for tool in $tools; do
        mkdir -p "$dir/$size/$tool"
        (cd "$dir/$size/$tool" && sh "$here/graph.sh" "$size")
        # Round 0 is not counted: everything is read once, and every tool has made the same.
        step full 0 "$tool"
    done
    round=1
    while [ "$round" -le "$runs" ]; do
        printf 'bench: %s leaves, round %s of %s\n' "$size" "$round" "$runs" >&2
        for scenario in $scenarios; do
            # shellcheck disable=SC2086 # a list of words
            for tool in $(rotate "$round" $tools); do
                step "$scenario" "$round" "$tool"
            done
        done
        round=$((round + 1))
    done
}

choose_tools
tools=${BENCH_TOOLS:-$tools}
"${CC:-cc}" -O2 -D_GNU_SOURCE -o "$dir/measure" "$here/measure.c"
{
    describe_machine
    echo 'leaves,scenario,tool,round,wall_ns,user_us,system_us,maxrss_kib'
} >"$results"
rm -rf "$dir/away" "$dir"/[0-9]*
for size in ${BENCH_SIZES:-1000 10000}; do
    measure_size
done
rm -rf "$dir/away" "$dir"/[0-9]*
grep '^#' "$results"
awk -f "$here/report.awk" "$results"
printf '\nevery figure: %s\n' "$results"
