# One pair of windows, -v fast and -v slow, over one period: one row for choose.awk.

BEGIN {
	FS = ","
	if (fast < 1 || fast >= slow) {
		print "a fast window of " fast " days never crosses a slow one of " slow > "/dev/stderr"
		failed = 1
		exit 1
	}
}

FNR > 1 { bar($3, fast, slow) }

END {
	if (failed)
		exit 1
	finish()
	print "fast,slow,days,trades,wins,return,drawdown,sharpe"
	printf "%d,%d,%d,%d,%d,%.12f,%.12f,%s\n", fast, slow, days, trades, wins, equity - 1, drawdown, sharpe()
}
