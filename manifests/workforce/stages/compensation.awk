# Each salary by the middle of its level, in per mille. Files: the levels, the opening.

file == 1 { min[$1] = $3 + 0; mid[$1] = $4 + 0; max[$1] = $5 + 0; next }

FNR == 2 { print "id,level,salary,ratio" }

{
	# The mistake that the rule is for: salaries in hundredths.
	if (spoil == "true")
		$6 *= 100
	ratio = round($6 * 1000 / mid[$4])
	printf "%s,%d,%.0f,%d\n", $1, $4, $6, ratio
	people++
	sum += ratio
	outside += $6 < min[$4] || $6 > max[$4] * 1.25
}

END { printf "{ \"mean_ratio\": %.4f, \"outside\": %.4f }\n", sum / people / 1000, outside / people > figures }
