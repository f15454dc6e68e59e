# A year as JSON, a line for each figure, and (-v row) as a line of a table. Files: the levels, the
# opening, the yearly events, the snapshot, the registry of deferral, the contributions.

file == 1 { levels++; next }

file == 2 { opening++; next }

file == 3 { of_kind[$3]++; next }

file == 4 && $2 == "active" { closing++; payroll += $7; at_level[$5]++; age += year - $3; tenure += year - $4 }

file == 4 { paid += $8; next }

file == 5 { enrolled++; rates += $2; next }

{ employees += $4; employers += $5 }

END {
	print "{"
	printf "  \"year\": %d,\n", year
	printf "  \"opening\": %d,\n", opening
	printf "  \"hires\": %d,\n", of_kind["hire"]
	printf "  \"terminations\": %d,\n", of_kind["termination"]
	printf "  \"closing\": %d,\n", closing
	printf "  \"promotions\": %d,\n", of_kind["promotion"]
	printf "  \"merits\": %d,\n", of_kind["merit"]
	for (level = 1; level <= levels; level++)
		printf "  \"level_%d\": %d,\n", level, at_level[level]
	printf "  \"mean_age\": %.2f,\n", age / closing
	printf "  \"mean_tenure\": %.2f,\n", tenure / closing
	printf "  \"payroll\": %.0f,\n", payroll
	printf "  \"mean_salary\": %.2f,\n", payroll / closing
	printf "  \"paid\": %.0f,\n", paid
	printf "  \"enrolled\": %d,\n", enrolled
	printf "  \"participation\": %.4f,\n", enrolled / closing
	printf "  \"mean_rate\": %.4f,\n", (enrolled ? rates / enrolled / 10000 : 0)
	printf "  \"enrolments\": %d,\n", of_kind["enrol"] + of_kind["enrol-auto"]
	printf "  \"opt_outs\": %d,\n", of_kind["opt-out"]
	printf "  \"escalations\": %d,\n", of_kind["escalate"]
	printf "  \"employees\": %.0f,\n", employees
	printf "  \"employers\": %.0f\n", employers
	print "}"
	print "year,opening,hires,terminations,closing,payroll,paid,enrolled,employees,employers" > row
	printf "%d,%d,%d,%d,%d,%.0f,%.0f,%d,%.0f,%.0f\n", year, opening, of_kind["hire"], of_kind["termination"], \
		closing, payroll, paid, enrolled, employees, employers > row
}
