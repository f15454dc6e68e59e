# The figures of manifests/backtest once more, by other ways: direct windows where the stages keep
# sums, variance from sums of squares where they update a mean, drawdown over all pairs of days,
# returns and wins from a list of trades. Reads the quotes itself.
#
#   awk -v folder=DIR [-v indexes="DAX SMI CAC FTSE"] -f figures.awk -f backtest.awk DIR/data/eustock.csv
#
# Expects the folder's own grid, split and fee. Prints each figure that is off by more than 1e-9 and
# ends with status 1, or prints how many agree.

BEGIN {
	FS = ","
	split_at = 0.7
	fee = 0.001
	if (indexes == "")
		indexes = "DAX SMI CAC FTSE"
	names = split(indexes, name, " ")
}

NR == 1 { for (i = 1; i <= NF; i++) column[substr($i, 2, length($i) - 2)] = i; next }

{ n++; for (c in column) quote[c, n] = $column[c] + 0 }

END {
	for (k = 1; k <= names; k++)
		check_index(name[k])
	if (agree == 0) {
		print "nothing was compared"
		wrong++
	}
	if (wrong)
		exit 1
	print agree " figures agree"
}

function check_index(ix,    in_days, f, s, top, top_f, top_s, t)
{
	if (!(ix in column)) {
		print "no quotes for " ix
		wrong++
		return
	}
	for (t = 1; t <= n; t++)
		p_now[t] = quote[ix, t]
	in_days = int(n * split_at)
	split("", window_mean)

	top = -1e9
	for (f = 5; f <= 25; f += 5)
		for (s = 20; s <= 100; s += 20) {
			if (f >= s)
				continue
			simulate(2, in_days, f, s)
			last_row(folder "/out/" ix "/grid/" f "-" s ".csv")
			same(ix " " f "-" s " fast", field[1], f)
			same(ix " " f "-" s " slow", field[2], s)
			same(ix " " f "-" s " days", field[3], in_days - 1)
			same(ix " " f "-" s " trades", field[4], sim_trades)
			same(ix " " f "-" s " total_return", field[5], sim_return)
			same(ix " " f "-" s " sharpe", field[6], sim_sharpe)
			if (sim_sharpe > top) {
				top = sim_sharpe
				top_f = f
				top_s = s
			}
		}

	last_row(folder "/out/" ix "/best.csv")
	same(ix " best fast", field[1], top_f)
	same(ix " best slow", field[2], top_s)
	same(ix " best sharpe", field[6], top)

	simulate(in_days + 1, n, top_f, top_s)
	read_json(folder "/out/" ix "/performance.json")
	same(ix " fast", json["fast"], top_f)
	same(ix " slow", json["slow"], top_s)
	same(ix " days", json["days"], n - in_days)
	same(ix " trades", json["trades"], sim_trades)
	same(ix " win_rate", json["win_rate"], sim_trades ? sim_wins / sim_trades : 0)
	same(ix " total_return", json["total_return"], sim_return)
	same(ix " hold_return", json["hold_return"], p_now[n] / p_now[in_days] - 1)
	same(ix " sharpe", json["sharpe"], sim_sharpe)
	same(ix " max_drawdown", json["max_drawdown"], worst_pair(in_days, n))
	check_curve(ix, in_days)
}

# The mean of the w closes up to day t, summed anew for each day.
function mean_at(w, t,    i, sum)
{
	if (!((w, t) in window_mean)) {
		sum = 0
		for (i = t - w + 1; i <= t; i++)
			sum += p_now[i]
		window_mean[w, t] = sum / w
	}
	return window_mean[w, t]
}

# Two different means of closes in hundredths are further apart than 1e-7.
function invested(first, t, f, s)
{
	return t >= first && t - 1 >= s && mean_at(f, t - 1) - mean_at(s, t - 1) > 1e-7
}

# Sets net[t], worth[t] and the figures; a trade is a run of invested days and the evening it is sold.
function simulate(first, last, f, s,    t, a, growth, sum, squares, count, variance)
{
	for (t = first - 1; t <= last; t++)
		net[t] = 0
	sim_trades = sim_wins = 0
	sim_return = 1
	for (t = first; t <= last; t++) {
		if (!invested(first, t, f, s))
			continue
		sim_trades++
		a = t
		growth = 1
		while (t <= last && invested(first, t, f, s)) {
			net[t] = p_now[t] / p_now[t - 1] - 1 - (t == a ? fee : 0)
			growth *= 1 + net[t]
			t++
		}
		if (t <= last) {
			net[t] = -fee
			growth *= 1 - fee
		}
		sim_return *= growth
		if (growth > 1)
			sim_wins++
	}
	sim_return -= 1

	sum = squares = 0
	worth[first - 1] = 1
	for (t = first; t <= last; t++) {
		sum += net[t]
		squares += net[t] * net[t]
		worth[t] = worth[t - 1] + worth[t - 1] * net[t]
	}
	count = last - first + 1
	variance = (squares - sum * sum / count) / (count - 1)
	sim_sharpe = variance > 0 ? sum / count * sqrt(252 / variance) : 0
}

function worst_pair(first, last,    high, low, worst)
{
	worst = 0
	for (high = first; high < last; high++)
		for (low = high + 1; low <= last; low++)
			if ((worth[high] - worth[low]) / worth[high] > worst)
				worst = (worth[high] - worth[low]) / worth[high]
	return worst
}

function check_curve(ix, in_days,    path, line, cell, t)
{
	path = folder "/out/" ix "/equity.csv"
	t = in_days
	getline line < path
	while ((getline line < path) > 0) {
		split(line, cell, ",")
		t++
		same(ix " close of day " t, cell[2], p_now[t])
		same(ix " return of day " t, cell[3], net[t])
		same(ix " equity of day " t, cell[4], worth[t])
	}
	close(path)
	same(ix " last day of the curve", t, n)
}
