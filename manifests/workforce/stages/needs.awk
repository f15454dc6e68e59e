# How many should be there when the year ends, how many will leave, how many must be hired.
# Files: the parameters, the baseline.

file == 1 { value[$1] = $2 + 0; next }

{ people += $2 }

END {
	target = round(people * (1 + value["growth"]))
	leave = least(people, round(people * value["turnover"]))
	hire = most(0, target - people + leave)
	print "people,target,terminations,hires"
	print people, target, leave, hire
}
