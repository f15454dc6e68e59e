# Who leaves: those over 66 first, the new ones sooner than others. Files: the needs by level, the opening.

file == 1 { leaving[$1] = $3 + 0; levels++; next }

{
	score = 0.35 + 0.6 * draw(31, year, $1)
	if (year - $3 < 2)
		score -= 0.2
	if (year - $2 > 66)
		score = draw(31, year, $1) / 10
	marked[$4, ++count[$4]] = mark(score, FNR)
	id[FNR] = $1
}

END {
	for (level = 1; level <= levels; level++) {
		for (i = 1; i <= count[level]; i++)
			words[i] = marked[level, i]
		choose(words, count[level] + 0, leaving[level], chosen)
		for (i = 1; i <= leaving[level]; i++)
			event(1 + int(draw(32, year, id[chosen[i]]) * 365), "termination", id[chosen[i]], level, "", "", "")
	}
}
