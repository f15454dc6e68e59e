# Everybody who was employed in the year, as the year leaves him, with what he was paid: his salary from
# day to day. Files: the opening, the yearly events, the registries of deferral, enrolment
# and escalation.

file == 1 {
	people[++rows] = $1
	begin($1, $2, $3, $4, $5, $6, 1)
	next
}

file == 2 && $3 == "hire" {
	people[++rows] = $4
	begin($4, $7, year, $5, $6, $8, $2)
	hires++
}

file == 2 && $3 == "promotion" { pay($4, $2); level[$4] = $5; salary[$4] = $8 + 0 }

file == 2 && $3 == "merit" { pay($4, $2); salary[$4] = round(salary[$4] * (1 + $8 / 10000)) }

file == 2 && $3 == "termination" { pay($4, $2 + 1); left[$4] = 1; terminations++ }

file == 3 { rate[$1] = $2 + 0 }

file == 4 { how[$1] = $4 }

file == 5 { times[$1] = $2 }

function begin(id, born_in, hired_in, at_level, of_department, with, day) {
	born[id] = born_in
	hired[id] = hired_in
	level[id] = at_level
	department[id] = of_department
	salary[id] = with + 0
	since[id] = day
}

# What is due until the day before.
function pay(id, day) {
	paid[id] += salary[id] * (day - since[id]) / 365
	since[id] = day
}

END {
	print "id,status,born,hired,level,department,salary,paid"
	# The mistake that the first rule is for: somebody has left and stays.
	for (i = 1; stays == "true" && i <= rows; i++)
		if (people[i] in left) {
			delete left[people[i]]
			break
		}
	# And that of the second: an enrolment without a rate.
	for (i = 1; unrated == "true" && i <= rows; i++)
		if (people[i] in rate) {
			delete rate[people[i]]
			break
		}
	for (i = 1; i <= rows; i++)
		close_year(people[i])
	for (id in how)
		strangers += !(id in salary)
	for (id in rate)
		strangers += !(id in salary)
	for (id in times)
		unpaired += !(id in rate)
	printf "{ \"year\": %d, \"closing\": %d, \"payroll\": %.0f,\n", year, closing, payroll > figures
	printf "  \"leavers\": %d, \"enrolled\": %d, \"unpaired\": %d, \"strangers\": %d }\n", leavers, enrolled, unpaired, strangers > figures
}

function close_year(id,    takes_part) {
	takes_part = id in how && how[id] != "opt-out"
	unpaired += takes_part != (id in rate)
	if (!(id in left)) {
		pay(id, 366)
		closing++
		payroll += salary[id]
		enrolled += takes_part
	} else {
		leavers++
		unpaired += takes_part
	}
	print id, (id in left ? "left" : "active"), born[id], hired[id], level[id], department[id], salary[id], round(paid[id])
}
