# What happens in the pension plan. Those who have been here since the year before and never decided are
# enrolled, most at the default rate, a few at one of their own; of those who take part some leave it for
# good, and whom it enrolled has his rate escalated once a year, as far as the cap.
# Files: the parameters, the registries of the year before (enrolment, deferral), the opening.

file == 1 { value[$1] = round($2 * 10000); next }

file == 2 { how[$1] = $4; next }

file == 3 { rate[$1] = $2 + 0; next }

$3 >= year || how[$1] == "opt-out" { next }

how[$1] == "" {
	chance = draw(61, year, $1)
	if (chance < value["auto_enrolment"] / 10000)
		event(91, "enrol-auto", $1, $4, "", "", value["default_rate"])
	else if (chance > 0.95)
		event(91, "enrol", $1, $4, "", "", 300 + 100 * int(draw(62, year, $1) * 13))
	next
}

draw(63, year, $1) < value["opt_out"] / 10000 {
	event(182, "opt-out", $1, $4, "", "", "")
	next
}

how[$1] == "auto" && rate[$1] < value["escalation_cap"] {
	event(121, "escalate", $1, $4, "", "", least(value["escalation_cap"], rate[$1] + value["escalation"]))
}
