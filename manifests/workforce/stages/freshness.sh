#!/bin/sh
# freshness.sh TODAY PARAMETERS: tells pawl how old the review of the parameters is.
#
# TODAY is a date, or `now`: then the clock is asked, which no key knows. So this runs in each run.

set -eu

today=$1
[ "$today" != now ] || today=$(date -u +%Y-%m-%d)

age=$(awk -F , -v today="$today" '
	# Days since 1 March of the year 0: with February at its end, months and leap years are regular.
	function days(date,    part, y, m) {
		if (date !~ /^[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]$/) {
			print "\047" date "\047 is no date" > "/dev/stderr"
			exit 1
		}
		split(date, part, "-")
		y = part[1] - (part[2] <= 2)
		m = part[2] > 2 ? part[2] - 3 : part[2] + 9
		return 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * m + 2) / 5) + part[3]
	}
	$2 == "reviewed" { print days(today) - days($1) }' "$2")

"$PAWL" metric "age_days=$age"
echo "the parameters were reviewed $age days before $today"
