# All years under each other, with what each has grown over the one before, and what the whole has grown
# by in a year. `breaks` is how many years do not begin with whom the one before left, or do not end with
# whom they began with, plus hires, less terminations. Files: a line for each year.

FNR == 2 && !years++ { print "year,opening,hires,terminations,closing,payroll,mean_salary,participation,contributions,headcount_growth,payroll_growth,contribution_growth" }

{
	plan = $9 + $10
	printf "%d,%d,%d,%d,%d,%.0f,%.2f,%.4f,%.0f,%s,%s,%s\n", $1, $2, $3, $4, $5, $6, $6 / $5, $8 / $5, plan, \
		growth($5, $2), growth($6, payroll), growth(plan, last_plan)
	breaks += $5 != $2 + $3 - $4
	breaks += years > 1 && $2 != closing
	breaks += years > 1 && $1 != last_year + 1
	if (years == 1) {
		first_closing = $5 + 0
		first_payroll = $6 + 0
		first_plan = plan
	}
	last_year = $1 + 0
	closing = $5 + 0
	payroll = $6 + 0
	last_plan = plan
}

function growth(now, before) { return before > 0 ? sprintf("%.4f", now / before - 1) : "" }

# By how much a year, on the whole: the root by halving, since awks have no other that is the same.
function a_year(now, before, n,    low, high, middle, product, i, k) {
	if (n < 1 || before <= 0)
		return 0
	high = 10
	for (k = 0; k < 60; k++) {
		middle = (low + high) / 2
		product = 1
		for (i = 0; i < n; i++)
			product *= middle
		if (product < now / before)
			low = middle
		else
			high = middle
	}
	return low - 1
}

END {
	printf "{ \"years\": %d, \"breaks\": %d, \"closing\": %d,\n", years, breaks, closing > figures
	printf "  \"headcount_growth\": %.4f, \"payroll_growth\": %.4f, \"contribution_growth\": %.4f }\n", \
		a_year(closing, first_closing, years - 1), a_year(payroll, first_payroll, years - 1), \
		a_year(last_plan, first_plan, years - 1) > figures
}
