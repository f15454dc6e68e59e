# What the year brings the pension plan, of those who are there at its end: a share of what they were
# paid, as far as the limit, and the employer's match. Files: the parameters, the registry of deferral,
# the contributions of the year before, the snapshot.

file == 1 { value[$1] = $2 + 0; next }

file == 2 { rate[$1] = $2 + 0; next }

FNR == 2 {
	getline line < before
	if (split(line, part, /[^0-9]+/) < 3 || part[2] != year - 1)
		stop(before " is not of " year - 1)
	print "id,paid,rate,employee,employer"
}

$2 == "active" && $1 in rate {
	employee = int($8 * rate[$1] / 10000)
	# The mistake that the first rule is for: nobody thinks of the limit.
	if (employee > value["limit"] && unlimited != "true")
		employee = value["limit"] + 0
	employer = int($8 * least(rate[$1] / 10000, value["match_up_to"]) * value["match"])
	# And that of the second: the match is counted thrice.
	if (thrice == "true")
		employer *= 3
	print $1, $8, rate[$1], employee, employer
	employees += employee
	employers += employer
	over_limit += employee > value["limit"]
}

END {
	if (part[3] > 0)
		grown = (employees + employers) / part[3] - 1
	printf "{ \"year\": %d, \"total\": %.0f, \"employees\": %.0f, \"employers\": %.0f,\n", year, employees + employers, employees, employers > figures
	printf "  \"over_limit\": %d, \"growth\": %.4f }\n", over_limit, grown > figures
}
