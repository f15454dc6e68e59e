#!/bin/sh
# The benchmark: runs its parts one after the other and ends with one table of all bars. A bar that
# is missed is told and is no failure; status 1 if a part could not be run.
#
#   BENCH_PARTS     which parts, in this order (default: all, as below)
#   and the settings of common.sh, and those that a part names in its head
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
all='start sleep scaling mixed hog memory hash run plan loops streams'
parts=${BENCH_PARTS:-$all}
broken=

for part in $parts; do
    case " $all " in
    *" $part "*) ;;
    *) die "there is no part '$part'; there are: $all" ;;
    esac
done
mkdir -p "$bench"
machine=$(cd "$bench" && describe_machine)
for part in $parts; do
    printf '\n== %s ==\n\n' "$part"
    rm -f "$bench/$part/bars"
    sh "$here/$part.sh" || broken="$broken $part"
done
printf '\n== bars ==\n\n%s\n\n' "$machine"
for part in $parts; do
    [ ! -f "$bench/$part/bars" ] || cat "$bench/$part/bars"
done | awk -F '\t' '
    function verdict(how, limit, value) {
        if (value == "") return "not measured"
        return (how == "most" ? value <= limit : value >= limit) ? "held" : "missed"
    }
    { printf "%-72s %-5s %5s %9s  %s\n", $1, $2, $3,
        $4 == "" ? "-" : sprintf("%.3f", $4), verdict($2, $3 + 0, $4 == "" ? "" : $4 + 0) }'
printf '\nevery figure: %s/*/results.csv\n' "$bench"
[ -z "$broken" ] || die "not run to their end:$broken"
