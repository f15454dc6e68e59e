# All pairs of windows over the first `train` of the days of all indexes, one after the other: for each
# index a file of rows for best.awk, -v folder/INDEX.csv.
#
# Arguments: closes, each in a folder with the name of its index. A row that is done goes to `rows` in
# the folder of snapshots, with its index before it; an attempt that goes on reads what is there and
# leaves those pairs out. A row is one write, so the last one is whole or not there.

BEGIN {
	FS = ","
	saved = ENVIRON["PAWL_CHECKPOINT_DIR"] "/rows"
	while ((getline row < saved) > 0) {
		rows[++done] = row
		split(row, part, ",")
		is_done[part[1], part[2], part[3]] = 1
	}
	close(saved)
}

FNR == 1 {
	parts = split(FILENAME, part, "/")
	index_of[++indexes] = part[parts - 1]
	next
}

{ closes_of[indexes, ++days_of[indexes]] = $2 }

END {
	count_pairs()
	for (i = 1; i <= indexes; i++) {
		closes = 0
		for (t = 1; t <= days_of[i]; t++)
			trade_add(closes_of[i, t])
		for (p = 1; p <= pairs; p++)
			if (!((index_of[i], fast_of[p], slow_of[p]) in is_done))
				try(index_of[i], fast_of[p], slow_of[p])
	}
	write_rows()
}

function count_pairs(    fast, slow)
{
	for (slow = slow_first; slow <= slow_last; slow += slow_step)
		for (fast = fast_first; fast <= fast_last; fast += fast_step)
			if (fast < slow) {
				fast_of[++pairs] = fast
				slow_of[pairs] = slow
			}
}

function try(name, fast, slow)
{
	trade(2, int(closes * train), fast, slow, fee)
	row = sprintf("%s,%d,%d,%d,%d,%.12f,%.12f", name, fast, slow, days, trades, total_return, sharpe)
	rows[++done] = row
	print row >> saved
	close(saved)
	system(sprintf("\"$PAWL\" progress %d/%d %s %d-%d && \"$PAWL\" checkpoint", done, pairs * indexes, name, fast, slow))
	if (pause > 0 && system("sleep " pause) != 0) {
		print "cannot wait for " pause " seconds" > "/dev/stderr"
		exit 1
	}
}

function write_rows(    r, cut)
{
	for (i = 1; i <= indexes; i++)
		print "fast,slow,days,trades,total_return,sharpe" > (folder "/" index_of[i] ".csv")
	for (r = 1; r <= done; r++) {
		cut = index(rows[r], ",")
		print substr(rows[r], cut + 1) > (folder "/" substr(rows[r], 1, cut - 1) ".csv")
	}
}
