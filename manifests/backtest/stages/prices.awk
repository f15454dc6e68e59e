# Closes of one index: the column that -v column names, beside the time.
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
	print "time,close"
	next
}

$close_at !~ /^[0-9]+(\.[0-9]+)?$/ || $close_at + 0 <= 0 { stop("'" $close_at "' is not a price") }

{ printf "%s,%.2f\n", $time_at, $close_at }

function stop(reason)
{
	print FILENAME ":" FNR ": " reason > "/dev/stderr"
	exit 1
}
