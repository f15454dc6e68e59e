# What the models say together, by -v combine: `vote` counts what each of them says, `average` takes the
# mean of their shares. Files: what each model wrote, NAME.csv. Of equals the first species wins.
# Writes the accuracy, as JSON, to -v figures.

BEGIN { FS = "," }

FNR == 1 {
	models++
	name = FILENAME
	sub(/^.*\//, "", name)
	sub(/\.csv$/, "", name)
	names = names "," name
	if (models > 1 && $0 != head)
		stop("other species than those of the first model")
	head = $0
	kinds = NF - 3
	for (i = 1; i <= kinds; i++)
		species[i] = $(3 + i)
	next
}

models == 1 {
	rows++
	id[rows] = $1
	is[rows] = $2
}

{
	row = FNR - 1
	if (id[row] != $1)
		stop("row '" $1 "' stands where '" id[row] "' is expected")
	words[row] = words[row] "," $3
	for (i = 1; i <= kinds; i++)
		sum[row, i] += combine == "vote" ? ($3 == species[i]) : $(3 + i)
	read_rows++
}

function stop(reason) {
	print FILENAME ":" FNR ": " reason > "/dev/stderr"
	failed = 1
	exit 1
}

END {
	if (failed)
		exit 1
	if (!rows || read_rows != rows * models) {
		print "the models are not of the same rows" > "/dev/stderr"
		exit 1
	}
	print "id,species,said,sure" names
	for (r = 1; r <= rows; r++) {
		at = 1
		for (i = 2; i <= kinds; i++)
			if (sum[r, i] > sum[r, at])
				at = i
		right += species[at] == is[r]
		printf "%d,%s,%s,%.6f%s\n", id[r], is[r], species[at], sum[r, at] / models, words[r]
	}
	printf "{ \"accuracy\": %.6f, \"tested\": %d, \"models\": %d }\n", right / rows, rows, models > figures
	close(figures)
}
