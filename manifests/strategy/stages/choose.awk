# The pair with the highest Sharpe ratio, and by how much it is better than the base strategy.
# Files: the row of the base strategy, those of all pairs. Writes the pair, as CSV, to -v choice and
# its figures, as JSON, to -v figures.
#
# Of equal pairs the shorter windows win, so that the order of the files does not matter.

BEGIN { FS = "," }

FNR == 1 { file++; next }

file == 1 { base = $8; next }

{ pairs++ }

$8 != "" && (row == "" || $8 + 0 > best || ($8 + 0 == best && ($1 + 0 < fast || ($1 + 0 == fast && $2 + 0 < slow)))) {
	row = $0
	fast = $1 + 0
	slow = $2 + 0
	best = $8 + 0
}

END {
	if (row == "") {
		print "no pair of windows has traded" > "/dev/stderr"
		exit 1
	}
	printf "fast,slow\n%d,%d\n", fast, slow > choice

	split(row, cell, ",")
	printf "{\n  \"pairs\": %d,\n  \"fast\": %d,\n  \"slow\": %d,\n", pairs, fast, slow > figures
	if (base != "")
		printf "  \"base_sharpe\": %.12f,\n", base > figures
	# Relative to nothing there is no improvement: left out, so that the gate refuses.
	if (base + 0 != 0)
		printf "  \"improvement\": %.12f,\n", (best - base) / (base < 0 ? -base : base) > figures
	printf "  \"days\": %d,\n  \"trades\": %d,\n  \"wins\": %d,\n", cell[3], cell[4], cell[5] > figures
	printf "  \"win_rate\": %.12f,\n", cell[5] / cell[4] > figures
	printf "  \"sharpe\": %s,\n  \"drawdown\": %s,\n  \"return\": %s\n}\n", cell[8], cell[7], cell[6] > figures
}
