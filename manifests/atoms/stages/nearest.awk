# The -v most nearest atoms to -v query, the code of an atom or words of a name or city. Atoms are compared
# within the model that each was embedded by: the query has a vector of each. Files: those of the
# database, twice, with pass=1 and pass=2 before them.

BEGIN {
	FS = "\t"
	models = split("old new", model, " ")
}

pass == 1 {
	if ($2 == toupper(query)) {
		found = $1
		for (i = 3; i <= 6; i++)
			field[i] = $i
	}
	next
}

!ready { prepare() }

$1 != found {
	score = similarity($9, $10)
	for (at = count < most ? ++count : most + 1; at > 1 && is_before(score, $2, at - 1); at--) {
		scores[at] = scores[at - 1]
		codes[at] = codes[at - 1]
		texts[at] = texts[at - 1]
	}
	if (at <= most) {
		scores[at] = score
		codes[at] = $2
		texts[at] = $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6
	}
}

END {
	for (at = 1; at <= count; at++)
		printf "%.4f\t%s\n", scores[at], texts[at]
}

function is_before(value, code, at) {
	return value > scores[at] || (value == scores[at] && code < codes[at])
}

function prepare(    m, part, parts, i, pair) {
	ready = 1
	for (m = 1; m <= models; m++) {
		parts = split(found ? vector(model[m], field[3], field[4], field[5], field[6]) : words(model[m]), part, " ")
		for (i = 1; i <= parts; i++) {
			split(part[i], pair, ":")
			wanted[model[m], pair[1]] = pair[2]
			squares[model[m]] += pair[2] * pair[2]
		}
	}
}

# Words may be of the name or of the city.
function words(of) {
	return vector(of, query, query, "", "")
}

function similarity(of, text,    part, parts, i, pair, dot, square) {
	parts = split(text, part, " ")
	for (i = 1; i <= parts; i++) {
		split(part[i], pair, ":")
		square += pair[2] * pair[2]
		if ((of, pair[1]) in wanted)
			dot += pair[2] * wanted[of, pair[1]]
	}
	return square && squares[of] ? dot / root(square * squares[of]) : 0
}

# The square root by Newton, from above: some small awks have no sqrt().
function root(square_of,    x, next_x) {
	x = square_of > 1 ? square_of : 1
	while ((next_x = (x + square_of / x) / 2) < x)
		x = next_x
	return x
}
