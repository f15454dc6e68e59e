# Closes of one market with the number of their day: the column that -v column names.
# Writes how many days there are, as JSON, to -v figures.
# Missing and malformed closes end the stage; a gap must not become a price of zero.

BEGIN { FS = "," }

{ sub(/\r$/, "") }

FNR == 1 {
	for (i = 1; i <= NF; i++) {
		name = $i
		gsub(/"/, "", name)
		if (name == "time")
			time_at = i
		if (name == column)
			close_at = i
	}
	if (!time_at || !close_at)
		stop("no column '" (time_at ? column : "time") "'")
	print "day,time,close"
	next
}

$close_at !~ /^[0-9]+(\.[0-9]+)?$/ || $close_at + 0 <= 0 { stop("'" $close_at "' is not a price") }

{ printf "%d,%s,%.2f\n", ++days, $time_at, $close_at }

END {
	if (!stopped)
		printf "{ \"days\": %d }\n", days > figures
}

function stop(reason)
{
	print FILENAME ":" FNR ": " reason > "/dev/stderr"
	stopped = 1
	exit 1
}
