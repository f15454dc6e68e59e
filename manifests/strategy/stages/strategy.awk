# The strategy, one bar after the other: hold the market while the mean of the last `fast` closes is
# above that of the last `slow`, else hold cash.
#
# bar(price, fast, slow) takes the closes in order, from the first day of the data, and trades those
# of the days -v first to -v last: it returns 1 for these and sets, for the day,
#   held  side (buy, sell or nothing)  day_return  equity (1 at the evening before first)
# and, of all days traded so far,
#   days  trades  wins  drawdown
# It knows nothing of bars that have not come yet: a day's position follows from closes up to the
# evening before. Each buy and each sale costs -v fee on the day that begins with it. -v position is
# the share of the equity that is in the market; more than 1 is on credit, which costs nothing here.
#
# finish() values a position that is still open at the last close. print_figures() writes the rest.
#
# Closes are kept in hundredths: sums of whole numbers are exact, so no two awks can disagree on
# which mean is larger.

function bar(price, fast, slow)
{
	held = signal(fast, slow)
	cents[++today] = int(price * 100 + 0.5)
	sum[today] = sum[today - 1] + cents[today]
	if (today < first || today > last)
		return 0
	trade(cents[today] / cents[today - 1] - 1)
	return 1
}

# 1: the closes so far say to be invested tomorrow.
function signal(fast, slow)
{
	if (today < slow)
		return 0
	return (sum[today] - sum[today - fast]) * slow > (sum[today] - sum[today - slow]) * fast
}

function trade(change)
{
	if (!days++) {
		equity = peak = 1
		before = 0
	}
	side = held == before ? "" : held ? "buy" : "sell"
	day_return = position * (held * change - (side == "" ? 0 : fee))
	if (side == "buy") {
		trades++
		growth = 1
	}
	growth *= 1 + day_return
	if (side == "sell" && growth > 1)
		wins++
	before = held

	equity *= 1 + day_return
	if (equity < 0)
		equity = 0
	if (equity > peak)
		peak = equity
	if (1 - equity / peak > drawdown)
		drawdown = 1 - equity / peak

	delta = day_return - mean
	mean += delta / days
	squares += delta * (day_return - mean)
}

function finish()
{
	if (before && growth > 1)
		wins++
}

# Nothing where it is not defined: all returns are equal.
function sharpe()
{
	return squares > 0 ? sprintf("%.12f", mean / root(squares / (days - 1)) * root(252)) : ""
}

# The figures as members of a JSON object. One that is not defined is left out, so that a gate over it
# refuses: a made-up zero might pass.
function print_figures(file)
{
	printf "  \"days\": %d,\n  \"trades\": %d,\n  \"wins\": %d,\n", days, trades, wins > file
	if (trades)
		printf "  \"win_rate\": %.12f,\n", wins / trades > file
	if (sharpe() != "")
		printf "  \"sharpe\": %s,\n", sharpe() > file
	printf "  \"drawdown\": %.12f,\n  \"return\": %.12f\n", drawdown, equity - 1 > file
}

# The square root by Newton, from above: some small awks have no sqrt().
function root(square,    x, next_x)
{
	x = square > 1 ? square : 1
	while ((next_x = (x + square / x) / 2) < x)
		x = next_x
	return x
}
