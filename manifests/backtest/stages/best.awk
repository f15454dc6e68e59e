# The row with the highest Sharpe ratio. Of equal ones the shorter windows win, so that the order
# of the files does not matter.

BEGIN { FS = "," }

FNR == 1 { header = $0; next }

!found || $6 + 0 > sharpe || ($6 + 0 == sharpe && ($1 + 0 < fast || ($1 + 0 == fast && $2 + 0 < slow))) {
	found = 1
	fast = $1 + 0
	slow = $2 + 0
	sharpe = $6 + 0
	row = $0
}

END {
	if (!found) {
		print "no pair of windows to choose from" > "/dev/stderr"
		exit 1
	}
	print header
	print row
}
