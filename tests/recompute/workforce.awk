# The figures of manifests/workforce once more, from its yearly events and the state that each year
# began with; -v folder is the workspace, -v first and -v last are the years.

BEGIN {
	FS = ","
	for (year = first; year <= last; year++)
		one_year(folder "/out/" year - 1, folder "/out/" year)
	printf "%d figures agree\n", agree
	exit wrong > 0
}

# Lines of a file without its head: line[1..count].
function lines(path,    text, count) {
	split("", line)
	while ((getline text < path) > 0)
		line[count++] = text
	close(path)
	delete line[0]
	return count - 1
}

function read_registry(path, into,    n, i, part) {
	split("", into)
	n = lines(path)
	for (i = 1; i <= n; i++) {
		split(line[i], part, ",")
		into[part[1]] = part[2]
		if (part[4] != "")
			into[part[1]] = part[4]
	}
	return n
}

function one_year(before, now,    n, i, part, hires, leavers, opening, closing, payroll) {
	split("", salary)
	split("", level)
	n = lines(before "/snapshot.csv")
	for (i = 1; i <= n; i++) {
		split(line[i], part, ",")
		if (part[2] == "active") {
			salary[part[1]] = part[7]
			level[part[1]] = part[5]
			opening++
		}
	}
	read_registry(before "/enrolment.csv", how)
	read_registry(before "/deferral.csv", rate)
	read_registry(before "/escalation.csv", times)

	n = lines(now "/events.csv")
	for (i = 1; i <= n; i++) {
		split(line[i], part, ",")
		if (part[3] == "hire") {
			hires++
			salary[part[4]] = part[8]
			level[part[4]] = part[5]
		} else if (part[3] == "promotion") {
			salary[part[4]] = part[8]
			level[part[4]] = part[5]
		} else if (part[3] == "merit") {
			salary[part[4]] = int(salary[part[4]] * (1 + part[8] / 10000) + 0.5)
		} else if (part[3] == "enrol" || part[3] == "enrol-auto") {
			how[part[4]] = part[3] == "enrol" ? "voluntary" : "auto"
			rate[part[4]] = part[8]
		} else if (part[3] == "escalate") {
			rate[part[4]] = part[8]
			times[part[4]]++
		} else {
			if (part[3] == "termination") {
				leavers++
				delete salary[part[4]]
				delete how[part[4]]
			} else
				how[part[4]] = part[3]
			delete rate[part[4]]
			delete times[part[4]]
		}
	}

	n = lines(now "/snapshot.csv")
	for (i = 1; i <= n; i++) {
		split(line[i], part, ",")
		if (part[2] != "active") {
			same(now " " part[1] " left", part[1] in salary, 0)
			continue
		}
		closing++
		payroll += part[7]
		same(now " " part[1] " salary", part[7], salary[part[1]])
		same(now " " part[1] " level", part[5], level[part[1]])
		paid[part[1]] = part[8]
	}
	same(now " closing", closing, opening + hires - leavers)
	for (i in salary)
		n--
	same(now " leavers", n, leavers)

	registry(now "/enrolment.csv", how)
	registry(now "/deferral.csv", rate)
	registry(now "/escalation.csv", times)
	contributions(now)

	read_json(folder "/reports/" year ".json")
	same(now " report: opening", json["opening"], opening)
	same(now " report: hires", json["hires"], hires)
	same(now " report: terminations", json["terminations"], leavers)
	same(now " report: closing", json["closing"], closing)
	same(now " report: payroll", json["payroll"], payroll)
}

# A registry has exactly these people, with these values.
function registry(path, expected,    found, id, n, of) {
	n = read_registry(path, found)
	for (id in expected) {
		n--
		if (path ~ /enrolment/)
			same(path " " id, found[id] == expected[id], 1)
		else
			same(path " " id, found[id], expected[id])
	}
	same(path " more", n, 0)
}

function contributions(now,    n, i, part, value, employee, employer) {
	n = lines(now "/parameters.csv")
	for (i = 1; i <= n; i++) {
		split(line[i], part, ",")
		value[part[1]] = part[2]
	}
	n = lines(now "/contributions.csv")
	for (i = 1; i <= n; i++) {
		split(line[i], part, ",")
		employee = int(paid[part[1]] * rate[part[1]] / 10000)
		if (employee > value["limit"] + 0)
			employee = value["limit"]
		employer = rate[part[1]] / 10000
		if (employer > value["match_up_to"] + 0)
			employer = value["match_up_to"]
		same(now " " part[1] " pays", part[4], employee)
		same(now " " part[1] " gets", part[5], int(paid[part[1]] * employer * value["match"]))
	}
	for (i in rate)
		n--
	same(now " payers", n, 0)
}
