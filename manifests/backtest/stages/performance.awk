# The chosen pair over the days that did not choose it. Files: the choice, the closes.
# Writes the equity curve to -v curve and the figures to -v figures.

BEGIN {
	FS = ","
	if (fail == "true") {
		print "told to fail by the parameter 'fail'" > "/dev/stderr"
		failed = 1
		exit 1
	}
}

FNR == 1 { file++; next }
file == 1 { fast = $1 + 0; slow = $2 + 0 }
file == 2 { time[FNR - 1] = $1; trade_add($2) }

END {
	if (failed)
		exit 1
	first = int(closes * train) + 1
	trade(first, closes, fast, slow, fee)

	print "time,close,return,equity" > curve
	for (t = first; t <= closes; t++)
		printf "%s,%.2f,%.12f,%.12f\n", time[t], close_cents[t] / 100, day_return[t], equity[t] > curve
	close(curve)

	print "{" > figures
	printf "  \"fast\": %d,\n", fast > figures
	printf "  \"slow\": %d,\n", slow > figures
	printf "  \"days\": %d,\n", days > figures
	printf "  \"trades\": %d,\n", trades > figures
	printf "  \"win_rate\": %.12f,\n", (trades ? wins / trades : 0) > figures
	printf "  \"total_return\": %.12f,\n", total_return > figures
	printf "  \"hold_return\": %.12f,\n", close_cents[closes] / close_cents[first - 1] - 1 > figures
	printf "  \"sharpe\": %.12f,\n", sharpe > figures
	printf "  \"max_drawdown\": %.12f\n", max_drawdown > figures
	print "}" > figures
	close(figures)
}
