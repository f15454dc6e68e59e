# The needs of each level. Files: the levels, the baseline, the needs.

file == 1 { leave[$1] = $7 + 0; promote[$1] = $8 + 0; hire[$1] = $9 + 0; levels++; next }

file == 2 { people[$1] = $2 + 0; leave[$1] *= $2; next }

{ terminations = $3 + 0; hires = $4 + 0 }

END {
	share_out(terminations, leave, levels, leaving)
	share_out(hires, hire, levels, hired)
	print "level,people,terminations,promotions,hires"
	for (level = 1; level <= levels; level++)
		print level, people[level] + 0, least(leaving[level], people[level] + 0), int(people[level] * promote[level]), hired[level]
}
