#!/bin/sh
# Measures how fast pawl hashes files (`pawl dump digests`: the code that reads a run's sources)
# against sha256sum and openssl, those that are installed, with everything in the page cache:
#
#   many    small files of 1 to 16 KiB, all of them in one call
#   large   one file
#
# In every round all tools do the same one after the other, each round beginning with another tool;
# all must find the same digests. What counts is the ratio of medians: how many times the other
# tool's rate pawl has, by the clock and by processor time.
#
#   BENCH_HASH_FILES   number of small files (default: 20000)
#   BENCH_HASH_MIB     size of the large one (default: 1024)
#   BENCH_HASH_DIR     a folder for the files (default: a new one in /dev/shm or TMPDIR)
#   BENCH_RUNS         rounds (default: 7)
#   and the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
small_files=${BENCH_HASH_FILES:-20000}
mib=${BENCH_HASH_MIB:-1024}
runs=${BENCH_RUNS:-7}

# --- the files -----------------------------------------------------------------------------------

choose_folder() {
    memory=/dev/shm
    [ -w "$memory" ] || memory=${TMPDIR:-/tmp}
    [ -z "${BENCH_HASH_DIR:-}" ] || mkdir -p "$BENCH_HASH_DIR"
    files=${BENCH_HASH_DIR:-$(mktemp -d "$memory/pawl-bench-hash.XXXXXX")}
    trap 'rm -rf "$files/many" "$files/large" "$files/names" "$files"/found.*; rmdir "$files" 2>/dev/null || :' EXIT
    trap 'exit 1' INT TERM HUP
}

make_files() {
    mkdir -p "$files/many"
    (cd "$files/many" && awk -v count="$small_files" 'BEGIN {
        srand(1)
        while (length(text) < 65536) text = text sprintf("%d ", rand() * 1000000000)
        for (i = 0; i < count; i++) {
            folder = int(i / 200)
            if (i % 200 == 0) system("mkdir " folder)
            file = folder "/" i
            printf "%s", substr(text, 1 + int(rand() * 40000), 1024 + int(rand() * 15361)) >file
            close(file)
        }
    }')
    (cd "$files" && find many -type f | sort >names)
    head -c "${mib}M" /dev/urandom >"$files/large"
}

# --- one step of one tool ------------------------------------------------------------------------

# The command line of TOOL for WHAT, to be read by a shell in the folder of the files.
command_of() { # WHAT TOOL
    case $1-$2 in
    many-pawl) echo 'exec "$0" dump digests - <names' ;;
    many-sha256sum) echo 'exec xargs -x -n "$1" -s 1500000 sha256sum <names' ;;
    many-openssl) echo 'exec xargs -x -n "$1" -s 1500000 openssl dgst -sha256 -r <names' ;;
    large-pawl) echo 'exec "$0" dump digests large' ;;
    large-sha256sum) echo 'exec sha256sum large' ;;
    large-openssl) echo 'exec openssl dgst -sha256 -r large' ;;
    esac
}

step() { # WHAT TOOL ROUND
    measured "$1,$2,$3" sh -c "$(command_of "$1" "$2")" "$pawl" "$small_files"
    [ "$3" != 0 ] || sed 's/ \*/  /' "$work/log" >"found.$1.$2"
    sed 's/ \*/  /' "$work/log" | cmp -s - "found.$1.sha256sum" ||
        die "$2 and sha256sum disagree about '$1'"
}

measure_all() {
    round=0 # the first is not counted
    while [ "$round" -le "$runs" ]; do
        [ "$round" = 0 ] || say "hashing, round $round of $runs"
        for what in many large; do
            # shellcheck disable=SC2086 # a list of words
            for tool in $(if [ "$round" = 0 ]; then echo $tools; else rotate "$round" $tools; fi); do
                step "$what" "$tool" "$round"
            done
        done
        round=$((round + 1))
    done
}

# --- all of it -----------------------------------------------------------------------------------

enter hash
choose_folder
make_files
tools="sha256sum pawl $(installed openssl)"
cd "$files"
measure_all
printf '%s files of 1 to 16 KiB; one of %s MiB; in %s\n' "$small_files" "$mib" \
    "$(df -PT "$files" | awk 'NR == 2 { print $2 }')"
report '
    $3 > 0 { note($1 SUBSEP $2) }

    # How many times the rate of the other tool pawl has.
    function rate(values, what, tool) {
        return ratio(median(values, what SUBSEP tool), median(values, what SUBSEP "pawl"))
    }

    function row(what, tool) {
        if (!count[what, tool]) return
        printf "%-6s %-10s %10.2f %10.2f %10.1f %10.1f\n", what, tool, rate(wall_ms, what, tool),
            rate(cpu_ms, what, tool), median(wall_ms, what SUBSEP tool),
            median(wall_ms, what SUBSEP "pawl")
    }

    END {
        printf "%-6s %-10s %10s %10s %10s %10s\n", "", "against", "rate", "cpu", "its ms", "pawl ms"
        row("many", "sha256sum")
        row("many", "openssl")
        row("large", "openssl")
        row("large", "sha256sum")
        bar("hash: many small files, times the rate of sha256sum", "least", 4,
            rate(wall_ms, "many", "sha256sum"))
        bar("hash: one large file, times the rate of openssl", "least", 1,
            rate(wall_ms, "large", "openssl"))
    }'
