# The chosen pair over one period, bar by bar. Files: the choice, the closes.
#
# -v pause is how many seconds a bar of the period takes: 0 for none, as in the historical back-test.
# Where bars take time and there is a checkpoint, the day of each is saved: what the market said up to
# there is among the closes, so an attempt that goes on trades these days again without waiting.
#
# How far it is, is printed ten times, under -v name, and where bars take time, pawl is told of each
# per cent. Writes each bar to -v bars, each order to
# -v orders (if it is said) and the figures, as JSON, to -v figures.

BEGIN {
	FS = OFS = ","
	if (ENVIRON["PAWL_CHECKPOINT_DIR"] != "") {
		saved = ENVIRON["PAWL_CHECKPOINT_DIR"] "/days"
		while ((getline day < saved) > 0)
			traded = day + 0
		close(saved)
	}
}

FNR == 1 {
	if (++file == 2) {
		print "day,time,close,held,return,equity" > bars
		if (orders != "")
			print "day,time,side,close" > orders
	}
	next
}

file == 1 { fast = $1; slow = $2; next }

bar($3, fast, slow) {
	# What begins a day is bought or sold at the close of the evening before.
	if (orders != "" && side != "")
		print evening_day, evening_time, side, evening_close > orders
	printf "%d,%s,%s,%d,%.12f,%.12f\n", $1, $2, $3, held, day_return, equity > bars
	if ($1 + 0 > traded) {
		if (pause > 0)
			wait_for_bar()
		tell()
		save($1)
	}
}

{
	evening_day = $1
	evening_time = $2
	evening_close = $3
}

END {
	finish()
	print "{" > figures
	print_figures(figures)
	print "}" > figures
}

function wait_for_bar()
{
	if (system("sleep " pause) != 0) {
		print "cannot wait for " pause " seconds" > "/dev/stderr"
		exit 1
	}
}

# No bar is waited for twice. Where that fails pawl says why, and the trade goes on.
function save(day)
{
	if (pause <= 0 || saved == "")
		return
	print day >> saved
	close(saved)
	system("\"$PAWL\" checkpoint")
}

function tell(    all)
{
	all = last - first + 1
	if (pause > 0 && int(days * 100 / all) != int((days - 1) * 100 / all))
		system(sprintf("\"$PAWL\" progress %d/%d bar %d, equity %.4f", days, all, days, equity))
	if (int(days * 10 / all) == int((days - 1) * 10 / all))
		return
	printf "%s: bar %d of %d, equity %.4f, trades %d\n", name, days, all, equity, trades
	fflush()
}
