# New people. Files: the levels, the needs by level.

file == 1 { min[$1] = $3 + 0; mid[$1] = $4 + 0; next }

FNR == 2 { split("Engineering,Finance,Operations,People,Sales", department, ",") }

{
	for (i = 1; i <= $5; i++) {
		id = year * 10000 + ++hired
		event(1 + int(draw(21, year, id) * 365), "hire", id, $1, department[1 + int(draw(22, year, id) * 5)],
			year - 22 - 3 * ($1 - 1) - int(draw(23, year, id) * 15),
			round(min[$1] + draw(24, year, id) * (mid[$1] - min[$1])))
	}
}
