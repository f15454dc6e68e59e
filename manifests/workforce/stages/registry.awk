# A registry (-v kind) one year on: who is in the pension plan, at which rate, how often escalated. Who
# leaves is taken out, who leaves the plan alone stays in the registry of enrolment, as such.
# Files: the registry before, the yearly events.

file == 1 {
	id[++rows] = $1
	row[$1] = $0
	number[$1] = $2
	before++
	next
}

$3 == "termination" { take($4); next }

kind == "enrolment" && $3 ~ /^enrol/ { put($4, year OFS $2 OFS ($3 == "enrol" ? "voluntary" : "auto")) }

kind == "enrolment" && $3 == "opt-out" { put($4, year OFS $2 OFS $3) }

kind == "deferral" && $3 ~ /^(enrol|escalate)/ { put($4, $8 OFS year) }

kind == "escalation" && $3 == "escalate" { put($4, (number[$4] + 1) OFS year) }

kind != "enrolment" && $3 == "opt-out" { take($4) }

function put(who, what) {
	if (!(who in row)) {
		id[++rows] = who
		added++
	}
	row[who] = who OFS what
}

function take(who) {
	if (who in row) {
		delete row[who]
		removed++
	}
}

END {
	if (kind == "enrolment")
		print "id,year,day,how"
	else
		print (kind == "deferral" ? "id,rate,year" : "id,times,year")
	# The mistake that the rule is for: somebody is forgotten.
	for (i = spoil == "true" ? 2 : 1; i <= rows; i++)
		if (id[i] in row) {
			print row[id[i]]
			after++
		}
	if (figures != "")
		printf "{ \"before\": %d, \"added\": %d, \"removed\": %d, \"after\": %d }\n", before, added, removed, after > figures
}
