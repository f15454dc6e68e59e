# Rule: events are numbered without a gap, no day comes before the one above it, nobody is hired twice,
# and nothing happens to somebody who is not there. Files: the opening, the yearly events.

file == 1 { here[$1] = 1; next }

$1 != FNR - 1 { wrong("is not number " FNR - 1) }

$2 < day { wrong("comes before the one above it") }

{ day = $2 + 0 }

$3 == "hire" {
	if ($4 in here)
		wrong("hires somebody again")
	here[$4] = 1
	next
}

!here[$4] { wrong("is of somebody who is not there") }

$3 == "termination" { here[$4] = 0 }

function wrong(what) {
	print "event " $0 " " what > "/dev/stderr"
	failed = 1
}

END { exit failed }
