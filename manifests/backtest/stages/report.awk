# All indexes side by side. Arguments: the indexes that should be there, then the figures of those
# that are, as …/INDEX/performance.json. Writes -v report (Markdown) and -v summary (CSV).

BEGIN {
	rows = split("fast slow days trades win_rate total_return hold_return sharpe max_drawdown", row, " ")
	split("fast window, days|slow window, days|days|trades|win rate|return|return of buy and hold|Sharpe ratio|" \
		"maximum drawdown", title, "|")
	split("%d %d %d %d percent percent percent %.2f percent", form, " ")
	for (i = 1; i < ARGC; i++)
		if (ARGV[i] !~ /\//) {
			index_name[++indexes] = ARGV[i]
			delete ARGV[i]
		}
}

FNR == 1 {
	parts = split(FILENAME, part, "/")
	name = part[parts - 1]
	present[name] = 1
}

/^ *"[a-z_]+": / {
	key = $1
	gsub(/[":]/, "", key)
	sub(/,$/, "", $2)
	figure[name, key] = $2
}

END {
	print "# Moving-average crossover, out-of-sample\n" > report
	line("")
	for (i = 1; i <= indexes; i++)
		line(index_name[i])
	end()
	line("---")
	for (i = 1; i <= indexes; i++)
		line("---:")
	end()
	for (r = 1; r <= rows; r++) {
		line(title[r])
		for (i = 1; i <= indexes; i++)
			line(cell(index_name[i], r))
		end()
	}
	for (i = 1; i <= indexes; i++)
		if (!(index_name[i] in present))
			print "\nNo result for " index_name[i] "." > report
	close(report)

	text = "index"
	for (r = 1; r <= rows; r++)
		text = text "," row[r]
	print text > summary
	for (i = 1; i <= indexes; i++)
		if (index_name[i] in present) {
			text = index_name[i]
			for (r = 1; r <= rows; r++)
				text = text "," figure[index_name[i], row[r]]
			print text > summary
		}
	close(summary)
}

function line(text) { printf "| %s ", text > report }

function end() { print "|" > report }

function cell(name, r)
{
	if (!(name in present))
		return "-"
	if (form[r] == "percent")
		return sprintf("%.2f %%", figure[name, row[r]] * 100)
	return sprintf(form[r], figure[name, row[r]])
}
