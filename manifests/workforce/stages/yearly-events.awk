# All events of the year in one order, numbered: by day, then as they follow from one another, then by
# person. What was planned for somebody who had left by then does not happen. Files: the five kinds.

BEGIN {
	split("hire promotion merit enrol-auto enrol escalate opt-out termination", kinds, " ")
	for (k in kinds)
		rank[kinds[k]] = k
}

{
	count++
	word[count] = sprintf("%03d %d %010d %7d", $1, rank[$2], $3, count)
	row[count] = $0
	if ($2 == "termination")
		last_day[$3] = $1 + 0
}

END {
	sort_words(word, count)
	print "n,day,kind,id,level,department,born,value"
	for (i = 1; i <= count; i++) {
		at = substr(word[i], 18) + 0
		split(row[at], part, ",")
		if (part[3] in last_day && part[1] + 0 > last_day[part[3]])
			continue
		print ++n, row[at]
		of_kind[part[2]]++
		last = row[at]
	}
	# The mistake that the rule is for: something happens twice.
	if (spoil == "true")
		print ++n, last
	printf "{ \"hires\": %d, \"terminations\": %d, \"promotions\": %d, \"merits\": %d, \"events\": %d }\n", \
		of_kind["hire"], of_kind["termination"], of_kind["promotion"], of_kind["merit"], n > figures
}
