#!/bin/sh
# Measures how fast pawl hashes files (`pawl dump digests`: the code that reads a run's sources)
# against sha256sum and openssl, those that are installed, with everything in the page cache:
#
#   many    small files of 1 to 16 KiB, all of them in one call
#   large   one file
#
# In every round all tools do the same one after the other, each round beginning with another tool;
# all must find the same digests. What counts is the ratio of medians: how many times the other
# tool's rate pawl has, by the clock and by processor time. Every single figure goes to hash.csv.
#
#   PAWL               the binary (default: build/pawl)
#   BENCH_HASH_FILES   number of small files (default: 20000)
#   BENCH_HASH_MIB     size of the large one (default: 1024)
#   BENCH_HASH_RUNS    rounds (default: 7)
#   BENCH_HASH_DIR     a folder for the files (default: a new one in /dev/shm or TMPDIR)
#   BENCH_DIR          where the figures go (default: build/bench)
set -eu

LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
dir=${BENCH_DIR:-$here/../../build/bench}
pawl=${PAWL:-$here/../../build/pawl}
count=${BENCH_HASH_FILES:-20000}
mib=${BENCH_HASH_MIB:-1024}
runs=${BENCH_HASH_RUNS:-7}

die() {
    printf '%s\n' "bench: $*" >&2
    exit 1
}

# shellcheck source=tests/bench/rotate.sh
. "$here/rotate.sh"
[ -x "$pawl" ] || die "'$pawl' is not there"
pawl=$(cd "$(dirname "$pawl")" && pwd)/$(basename "$pawl")
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
results=$dir/hash.csv
where=/dev/shm
[ -w "$where" ] || where=${TMPDIR:-/tmp}
[ -z "${BENCH_HASH_DIR:-}" ] || mkdir -p "$BENCH_HASH_DIR"
files=${BENCH_HASH_DIR:-$(mktemp -d "$where/pawl-bench-hash.XXXXXX")}
trap 'rm -rf "$files/many" "$files/large" "$files/names" "$files"/found.*; rmdir "$files" 2>/dev/null || :' EXIT
trap 'exit 1' INT TERM HUP

# --- the files -----------------------------------------------------------------------------------

make_files() {
    mkdir -p "$files/many"
    (cd "$files/many" && awk -v count="$count" 'BEGIN {
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
    "$dir/measure" "$dir/figures" sh -c "$(command_of "$1" "$2")" "$pawl" "$count" >"found.$2" ||
        die "$2 failed with '$1'"
    [ "$3" != 0 ] || sed 's/ \*/  /' "found.$2" >"found.$1.$2"
    sed 's/ \*/  /' "found.$2" | cmp -s - "found.$1.sha256sum" ||
        die "$2 and sha256sum disagree about '$1'"
    [ "$3" = 0 ] || printf '%s,%s,%s,%s\n' "$1" "$2" "$3" "$(cat "$dir/figures")" >>"$results"
}

measure_all() {
    round=0 # the first is not counted
    while [ "$round" -le "$runs" ]; do
        [ "$round" = 0 ] || printf 'bench: hashing, round %s of %s\n' "$round" "$runs" >&2
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

instructions() {
    sed -n 's/^flags[^:]*: //p; s/^Features[^:]*: //p' /proc/cpuinfo | head -n 1 | tr ' ' '\n' |
        grep -xE 'sha_ni|sha2|avx2|avx512bw' | tr '\n' ' '
}

report() {
    awk -F , '
    $1 == "what" || /^#/ { next }
    {
        n = ++count[$1, $2]
        wall[$1, $2, n] = $4 / 1e6
        cpu[$1, $2, n] = ($5 + $6) / 1e3
        tools[$2] = 1
    }
    function median(values, what, tool,   n, i, j, x, sorted) {
        n = count[what, tool]
        for (i = 1; i <= n; i++) {
            x = values[what, tool, i]
            for (j = i - 1; j >= 1 && sorted[j] > x; j--) sorted[j + 1] = sorted[j]
            sorted[j + 1] = x
        }
        return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
    }
    function row(what, tool, goal,   ratio) {
        if (!((what, tool) in count)) return
        ratio = median(wall, what, tool) / median(wall, what, "pawl")
        printf "%-6s %-10s %10.2f %10.2f %10.1f %10.1f   %s\n", what, tool, ratio,
            median(cpu, what, tool) / median(cpu, what, "pawl"), median(wall, what, tool),
            median(wall, what, "pawl"),
            goal == "" ? "" : sprintf("goal %.1f: %s", goal, ratio >= goal ? "held" : "missed")
    }
    END {
        printf "%-6s %-10s %10s %10s %10s %10s\n", "", "against", "rate", "cpu", "its ms", "pawl ms"
        row("many", "sha256sum", 4)
        row("many", "openssl", "")
        row("large", "openssl", 1)
        row("large", "sha256sum", "")
    }' "$results"
}

tools='sha256sum pawl'
! command -v openssl >/dev/null 2>&1 || tools="$tools openssl"
"${CC:-cc}" -O2 -D_GNU_SOURCE -o "$dir/measure" "$here/measure.c"
make_files
cd "$files"
{
    printf '# date %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf '# machine %s, %s cores, %s, %s\n' "$(uname -srm)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(instructions)"
    printf '# load before %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
    printf '# many: %s files of 1 to 16 KiB; large: %s MiB; in %s\n' "$count" "$mib" \
        "$(df -PT "$files" | awk 'NR == 2 { print $2 }')"
    echo 'what,tool,round,wall_ns,user_us,system_us,maxrss_kib'
} >"$results"
measure_all
printf '\nhashing: how many times the rate of the other tool, by the clock and by processor time\n'
grep '^#' "$results"
report
printf '\nevery figure: %s\n' "$results"
