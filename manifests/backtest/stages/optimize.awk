# One pair of windows over the first `train` of the days: one row for best.awk.

BEGIN {
	FS = ","
	if (fast < 1 || fast >= slow) {
		print "a fast window of " fast " days never crosses a slow one of " slow > "/dev/stderr"
		failed = 1
		exit 1
	}
}

FNR > 1 { trade_add($2) }

END {
	if (failed)
		exit 1
	trade(2, int(closes * train), fast, slow, fee)
	print "fast,slow,days,trades,total_return,sharpe"
	printf "%d,%d,%d,%d,%.12f,%.12f\n", fast, slow, days, trades, total_return, sharpe
}
