# The people of the day before the first year, and the state that the first year starts from: who is
# employed, who takes part in the pension plan, at which rate, and how often that was escalated.
#
# File: the levels. -v people is how many, -v year the year that has just ended.

{ share[++levels] = $6 + 0; min[levels] = $3 + 0; max[levels] = $5 + 0 }

END {
	split("Engineering,Finance,Operations,People,Sales", department, ",")
	share_out(people, share, levels, of_level)
	print "id,status,born,hired,level,department,salary,paid" > snapshot
	print "id,year,day,how" > enrolment
	print "id,rate,year" > deferral
	print "id,times,year" > escalation
	for (level = 1; level <= levels; level++)
		for (i = 1; i <= of_level[level]; i++)
			person(++id)
	print_figures()
}

function person(id,    tenure, born, salary, chance, rate) {
	chance = draw(1, year, id)
	tenure = int(chance * chance * 20)
	born = year - 22 - tenure - 2 * (level - 1) - int(draw(2, year, id) * 15)
	salary = round(min[level] + draw(3, year, id) * (max[level] - min[level]))
	print id, "active", born, year - tenure, level, department[1 + int(draw(4, year, id) * 5)], salary, salary > snapshot
	payroll += salary
	if (tenure == 0)
		return
	if (draw(5, year, id) >= 0.8) {
		print id, year, 182, "opt-out" > enrolment
		return
	}
	rate = 300 + 100 * int(draw(6, year, id) * draw(7, year, id) * 13)
	print id, year - least(tenure - 1, 5), 1, (draw(8, year, id) < 0.7 ? "auto" : "voluntary") > enrolment
	print id, rate, year > deferral
	if (rate > 600)
		print id, (rate - 600) / 100, year > escalation
	plan += int(salary * rate / 10000) + int(salary * least(rate, 600) / 20000)
}

function print_figures() {
	printf "{ \"year\": %d, \"closing\": %d, \"payroll\": %.0f }\n", year, id, payroll > snapshot_figures
	printf "{ \"year\": %d, \"total\": %.0f }\n", year, plan > contribution_figures
}
