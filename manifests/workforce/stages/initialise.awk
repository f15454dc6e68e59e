# Begins a year: those who are active at the end of the year before. Files: that snapshot and its
# figures, which have to agree; pawl sees to it that neither is damaged, this that they belong together.

file == 1 && $2 == "active" {
	people++
	payroll += $7
	row[people] = $1 OFS $3 OFS $4 OFS $5 OFS $6 OFS $7
}

END {
	getline line < before
	if (split(line, part, /[^0-9]+/) < 4 || part[2] != year - 1)
		stop(before " is not of " year - 1)
	if (part[3] != people || part[4] != payroll)
		stop("there are " people " people with " payroll " in all, not " part[3] " with " part[4])
	print "id,born,hired,level,department,salary"
	for (i = 1; i <= people; i++)
		print row[i]
	printf "{ \"opening\": %d, \"payroll\": %.0f }\n", people, payroll > figures
}
