# Who goes up a level on the first of February, and to which salary: at least the least of that level.
# Files: the levels, the parameters, the needs by level, the opening.

file == 1 { min[$1] = $3 + 0; next }

file == 2 { value[$1] = $2 + 0; next }

file == 3 { places[$1] = $4 + 0; levels++; next }

year - $3 >= 2 {
	marked[$4, ++count[$4]] = mark(draw(41, year, $1), FNR)
	id[FNR] = $1
	salary[FNR] = $6 + 0
}

END {
	for (level = 1; level < levels; level++) {
		for (i = 1; i <= count[level]; i++)
			words[i] = marked[level, i]
		n = least(places[level], count[level] + 0)
		choose(words, count[level] + 0, n, chosen)
		for (i = 1; i <= n; i++)
			event(32, "promotion", id[chosen[i]], level + 1, "", "",
				most(min[level + 1], round(salary[chosen[i]] * (1 + value["promotion_raise"]))))
	}
}
