# The strategy, for optimize.awk and performance.awk: hold the index while the mean of the last
# `fast` closes is above that of the last `slow`, else hold cash.
#
# trade_add() takes the closes in order. trade(first, last, fast, slow, fee) trades the days first
# to last, starting in cash, and sets for each day t
#   day_return[t]   net return of the day        equity[t]   1 at the evening before first
# and, of the whole,
#   days  trades  wins  total_return  sharpe  max_drawdown
# A day's position follows from closes up to the evening before. Each buy and each sale costs the
# fee on the day that begins with it. A position open at the end is valued at the last close.
#
# Closes are kept in hundredths: sums of whole numbers are exact, so no two awks can disagree on
# which mean is larger.

function trade_add(value)
{
	close_cents[++closes] = int(value * 100 + 0.5)
	sum_cents[closes] = sum_cents[closes - 1] + close_cents[closes]
}

# 1: the close of day t says to be invested the day after.
function trade_signal(t, fast, slow)
{
	if (t < slow)
		return 0
	return (sum_cents[t] - sum_cents[t - fast]) * slow > (sum_cents[t] - sum_cents[t - slow]) * fast
}

function trade(first, last, fast, slow, fee,    t, held, before, growth, value, peak, drop, mean, delta, squares)
{
	days = trades = wins = max_drawdown = mean = squares = before = growth = 0
	value = peak = 1
	for (t = first; t <= last; t++) {
		held = trade_signal(t - 1, fast, slow)
		day_return[t] = held * (close_cents[t] / close_cents[t - 1] - 1)
		if (held != before)
			day_return[t] -= fee
		if (held && !before) {
			trades++
			growth = 1
		}
		growth *= 1 + day_return[t]
		if (before && !held && growth > 1)
			wins++
		before = held

		value *= 1 + day_return[t]
		equity[t] = value
		if (value > peak)
			peak = value
		drop = 1 - value / peak
		if (drop > max_drawdown)
			max_drawdown = drop

		days++
		delta = day_return[t] - mean
		mean += delta / days
		squares += delta * (day_return[t] - mean)
	}
	if (before && growth > 1)
		wins++
	total_return = value - 1
	sharpe = 0
	if (days > 1 && squares > 0)
		sharpe = mean / root(squares / (days - 1)) * root(252)
}

# The square root by Newton, from above: some small awks have no sqrt().
function root(square,    x, next_x)
{
	x = square > 1 ? square : 1
	while ((next_x = (x + square / x) / 2) < x)
		x = next_x
	return x
}
