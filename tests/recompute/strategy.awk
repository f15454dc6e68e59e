# The figures of manifests/strategy once more, by other ways: direct windows where the stages keep
# sums, variance from sums of squares where they update a mean, drawdown over all pairs of days,
# returns, wins and orders from a list of trades. Reads the quotes itself.
#
#   awk -v folder=DIR -f figures.awk -f strategy.awk DIR/data/eustock.csv
#
# Expects the folder's own params. Prints each figure that is off by more than 1e-9 and ends with
# status 1, or prints how many agree.

BEGIN {
	FS = ","
	fee = 0.001
	split("151 551 801 1651 1861", bound, " ")
}

NR == 1 { for (i = 1; i <= NF; i++) if ($i == "\"DAX\"") column = i; next }

{ price[++n] = $column + 0 }

END {
	same("days", n, 1860)
	check_grid(bound[1], bound[2] - 1)
	check_period("historical", bound[2], bound[3] - 1, 0)
	check_period("live", bound[3], bound[4] - 1, 1)
	check_period("paper", bound[4], bound[5] - 1, 1)
	if (wrong)
		exit 1
	print agree " figures agree"
}

function check_grid(first, last,    f, s, base)
{
	simulate(first, last, 10, 40)
	check_row("out/base.csv", 10, 40, last - first + 1)
	base = sim_sharpe
	top = -1e9
	for (f = 5; f <= 25; f += 5)
		for (s = 20; s <= 100; s += 20) {
			if (f >= s)
				continue
			pairs++
			simulate(first, last, f, s)
			check_row("out/grid/" f "-" s ".csv", f, s, last - first + 1)
			if (sim_sharpe > top) {
				top = sim_sharpe
				top_f = f
				top_s = s
			}
		}

	last_row(folder "/out/choice.csv")
	same("chosen fast", field[1], top_f)
	same("chosen slow", field[2], top_s)
	simulate(first, last, top_f, top_s)
	check_figures("out/optimise.json", first, last)
	same("pairs", json["pairs"], pairs)
	same("fast", json["fast"], top_f)
	same("slow", json["slow"], top_s)
	same("base_sharpe", json["base_sharpe"], base)
	same("improvement", json["improvement"], top / base - 1)
}

function check_row(path, f, s, count)
{
	last_row(folder "/" path)
	same(path " fast", field[1], f)
	same(path " slow", field[2], s)
	same(path " days", field[3], count)
	same(path " trades", field[4], sim_trades)
	same(path " wins", field[5], sim_wins)
	same(path " return", field[6], sim_return)
	same(path " sharpe", field[8], sim_sharpe)
}

function check_period(name, first, last, has_orders)
{
	simulate(first, last, top_f, top_s)
	check_figures("out/" name "/figures.json", first, last)
	check_bars("out/" name "/bars.csv", first, last)
	if (has_orders)
		check_orders("out/" name "/orders.csv")
}

function check_figures(path, first, last)
{
	read_json(folder "/" path)
	same(path " days", json["days"], last - first + 1)
	same(path " trades", json["trades"], sim_trades)
	same(path " wins", json["wins"], sim_wins)
	same(path " win_rate", json["win_rate"], sim_wins / sim_trades)
	same(path " return", json["return"], sim_return)
	same(path " sharpe", json["sharpe"], sim_sharpe)
	same(path " drawdown", json["drawdown"], worst_pair(first, last))
}

# The mean of the w closes up to day t, summed anew for each day.
function mean_at(w, t,    i, total)
{
	if (!((w, t) in window_mean)) {
		total = 0
		for (i = t - w + 1; i <= t; i++)
			total += price[i]
		window_mean[w, t] = total / w
	}
	return window_mean[w, t]
}

# Two different means of closes in hundredths are further apart than 1e-7.
function invested(t, f, s)
{
	return mean_at(f, t - 1) - mean_at(s, t - 1) > 1e-7
}

# Sets net[t], worth[t], in_market[t], the orders and the figures; a trade is a run of invested days
# and the evening it is sold.
function simulate(first, last, f, s,    t, a, growth, total, squares, count, variance)
{
	for (t = first - 1; t <= last; t++)
		net[t] = in_market[t] = 0
	sim_trades = sim_wins = order_count = 0
	sim_return = 1
	for (t = first; t <= last; t++) {
		if (!invested(t, f, s))
			continue
		sim_trades++
		a = t
		growth = 1
		order[++order_count] = a - 1
		while (t <= last && invested(t, f, s)) {
			in_market[t] = 1
			net[t] = price[t] / price[t - 1] - 1 - (t == a ? fee : 0)
			growth *= 1 + net[t]
			t++
		}
		if (t <= last) {
			order[++order_count] = t - 1
			net[t] = -fee
			growth *= 1 - fee
		}
		sim_return *= growth
		if (growth > 1)
			sim_wins++
	}
	sim_return -= 1

	total = squares = 0
	worth[first - 1] = 1
	for (t = first; t <= last; t++) {
		total += net[t]
		squares += net[t] * net[t]
		worth[t] = worth[t - 1] + worth[t - 1] * net[t]
	}
	count = last - first + 1
	variance = (squares - total * total / count) / (count - 1)
	sim_sharpe = total / count * sqrt(252 / variance)
}

function worst_pair(first, last,    high, low, worst)
{
	worst = 0
	for (high = first - 1; high < last; high++)
		for (low = high + 1; low <= last; low++)
			if ((worth[high] - worth[low]) / worth[high] > worst)
				worst = (worth[high] - worth[low]) / worth[high]
	return worst
}

function check_bars(path, first, last,    line, cell, t)
{
	t = first - 1
	getline line < (folder "/" path)
	while ((getline line < (folder "/" path)) > 0) {
		split(line, cell, ",")
		t++
		same(path " day", cell[1], t)
		same(path " close of day " t, cell[3], price[t])
		same(path " held on day " t, cell[4], in_market[t])
		same(path " return of day " t, cell[5], net[t])
		same(path " equity of day " t, cell[6], worth[t])
	}
	same(path " last day", t, last)
}

function check_orders(path,    line, cell, i)
{
	getline line < (folder "/" path)
	while ((getline line < (folder "/" path)) > 0) {
		split(line, cell, ",")
		i++
		same(path " day of order " i, cell[1], order[i])
		same(path " side of order " i, cell[3] == (i % 2 ? "buy" : "sell"), 1)
		same(path " price of order " i, cell[4], price[order[i]])
	}
	same(path " orders", i + 0, order_count)
}
