# People and payroll of each level when the year begins. File: the opening.

{ people[$4]++; payroll[$4] += $6; levels = most(levels, $4 + 0) }

END {
	print "level,people,payroll"
	for (level = 1; level <= levels; level++)
		printf "%d,%d,%.0f\n", level, people[level], payroll[level]
}
