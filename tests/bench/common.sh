# shellcheck shell=sh
# The head of every part of the benchmark (see bench.sh, which runs them). A part reads it as
#
#   here=$(cd "$(dirname "$0")" && pwd)
#   . "$here/common.sh"
#   enter NAME
#
# and works in a folder of its own from then on. Settings of all parts:
#
#   PAWL          the binary (default: build/pawl)
#   BENCH_DIR     where to work, a folder for each part (default: build/bench)
#   BENCH_RUNS    rounds (default: each part says)
#   BENCH_SIZES   numbers of leaves of the graph (default: 1000 10000 100000)
#   BENCH_CC      what compiles a static program (default: musl-gcc, else cc)
#
# A part leaves in its folder every single figure (results.csv: the names of what was measured, then
# the figures of measure.c), which reports read with the functions of stats.awk, and its bars: for
# each a line of name, `most` or `least`, the bar, and what was measured (nothing: could not be).

LC_ALL=C
export LC_ALL
pawl=$(realpath "${PAWL:-$here/../../build/pawl}")
bench=$(realpath -m "${BENCH_DIR:-$here/../../build/bench}")
# shellcheck disable=SC2034 # parts read it
sizes=${BENCH_SIZES:-1000 10000 100000}

die() {
    printf '%s\n' "bench: $*" >&2
    exit 1
}

say() {
    printf '%s\n' "bench: $*" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Makes the folder NAME anew and goes there. Sets `work`, it, and `results` and `bars`, files in it.
enter() {
    [ -x "$pawl" ] || die "'$pawl' is not there"
    work=$bench/$1
    rm -rf "$work"
    mkdir -p "$work"
    cd "$work" || exit 1
    work=$PWD
    results=$work/results.csv
    bars=$work/bars
    : >"$bars"
    describe_machine >"$results"
    compile measure
}

# `compile NAME`: the program NAME.c of this folder, in that of the part.
compile() {
    "${CC:-cc}" -O2 -D_GNU_SOURCE -o "$work/$1" "$here/$1.c"
}

# `compile_static NAME [SOURCE]`: a program that loads nothing. SOURCE: another file than NAME.c.
compile_static() {
    "${BENCH_CC:-$(command -v musl-gcc || echo cc)}" -O2 -static -o "$work/$1" "${2:-$here/$1.c}"
}

# `manifest NAME STAGE COUNT COMMAND`: a pawl.toml of one stage with COUNT instances.
manifest() {
    cat >pawl.toml <<EOF
[pipeline]
name = "$1"

[stage.$2]
matrix = { number = { from = 1, to = $3 } }
run = "$4"
EOF
}

# --- what it is measured on ----------------------------------------------------------------------

# Those of the tools NAME… that are installed.
installed() {
    for tool in "$@"; do
        ! has "$tool" || printf '%s ' "$tool"
    done
}

instructions() {
    sed -n 's/^flags[^:]*: //p; s/^Features[^:]*: //p' /proc/cpuinfo | head -n 1 | tr ' ' '\n' |
        grep -xE 'sha_ni|sha2|avx2|avx512bw' | paste -s -d ' ' -
}

version_of() {
    case $1 in
    */pawl | openssl) "$1" version ;;
    *) "$1" --version ;;
    esac | head -n 1
}

describe_machine() {
    printf '# date %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf '# machine %s, %s cores, %s, %s, %s\n' "$(uname -srm)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(instructions)" \
        "$(awk '$1 == "MemTotal:" { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
    printf '# file system %s\n' "$(df -PT . | awk 'NR == 2 { print $2 }')"
    printf '# load before %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
    for tool in "$pawl" $(installed ninja samu make sha256sum openssl); do
        printf '# tool %s: %s\n' "${tool##*/}" "$(version_of "$tool")"
    done
}

# --- measuring -----------------------------------------------------------------------------------

# `measured NAMES COMMAND…`: runs the command, its figures stand behind NAMES (words with commas
# between) in the results; what it writes is in `log`. The locale is that which pawl gives its
# commands: what they load is the same under all tools.
measured() {
    names=$1
    shift
    LC_ALL=C.UTF-8 "$work/measure" "$work/figures" "$@" >"$work/log" 2>&1 </dev/null || {
        status=$?
        tail -n 20 "$work/log" >&2
        die "'$*' in '$PWD' ended with status $status"
    }
    printf '%s,%s\n' "$names" "$(cat "$work/figures")" >>"$results"
}

# `rotate N WORD…`: the words from the N-th on, then those before it, so that no tool is always
# first.
rotate() {
    skip=$1
    shift
    skip=$((skip % $#))
    while [ "$skip" -gt 0 ]; do
        first=$1
        shift
        set -- "$@" "$first"
        skip=$((skip - 1))
    done
    printf '%s\n' "$*"
}

now_ms() {
    date +%s%3N
}

# Processor time of everybody so far, in hundredths of a second.
busy() {
    awk '$1 == "cpu" { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat
}

# --- telling -------------------------------------------------------------------------------------

# `report PROGRAM [NAME=VALUE…]`: an awk program over the results, with the functions of stats.awk.
report() {
    program=$1
    shift
    awk -F , "$(cat "$here/stats.awk")
$program" bars="$bars" "$@" "$results"
}

# `bar NAME most|least BAR [MEASURED]`: a bar that no report knows.
bar() {
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"$bars"
}

# --- the limit on what runs at once, from the events of a run ------------------------------------

# `TIME_MS LIMIT_BEFORE LIMIT REASON` for each change of the limit so far.
limit_changes() {
    cat .pawl/runs/*/events.jsonl 2>/dev/null |
        sed -n 's/.*"time":"\([^"]*\)","type":"limit\.changed".*"reason":"\([^"]*\)".*/\1|\2|&/p' |
        while IFS='|' read -r time reason line; do
            printf '%s %s %s %s\n' "$(date -d "$time" +%s%3N)" \
                "$(printf '%s' "$line" | sed 's/.*"limit_before":\([0-9]*\).*/\1/')" \
                "$(printf '%s' "$line" | sed 's/.*"limit":\([0-9]*\).*/\1/')" "$reason"
        done
}

# `CONDITION SECONDS`: waits until an awk condition on ($1 time, $2 before, $3 limit) holds for a
# change of the limit, and prints that one.
wait_for_change() {
    tries=$(($2 * 10))
    while [ "$tries" -gt 0 ]; do
        found=$(limit_changes | awk "$1"' { print; exit }')
        if [ -n "$found" ]; then
            printf '%s\n' "$found"
            return 0
        fi
        tries=$((tries - 1))
        sleep 0.1
    done
    return 1
}
