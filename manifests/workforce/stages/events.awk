# What the five generators of events share: a row is day, kind, id, level, department, born, value.

BEGIN { print "day,kind,id,level,department,born,value" }

function event(day, kind, id, level, department, born, value) {
	print day, kind, id, level, department, born, value
}

# Of the words in `marked` (a score, then a row number) the first n in order: their row numbers.
function choose(marked, count, n, chosen,    i) {
	sort_words(marked, count)
	for (i = 1; i <= n; i++)
		chosen[i] = substr(marked[i], 12) + 0
}

# A score in [0, 1) and a row number as a word that sorts by the score.
# (Blanks before the number: some awks take what begins with 0 for octal.)
function mark(score, row) { return sprintf("%.8f %7d", score, row) }
