# What recomputations share: reading figures back, and comparing them. Counts in `agree` and `wrong`.

function last_row(path,    line, rows)
{
	split("", field)
	while ((getline line < path) > 0)
		if (++rows == 2)
			split(line, field, ",")
	close(path)
	same(path " lines", rows + 0, 2)
}

function read_json(path,    line, part)
{
	split("", json)
	while ((getline line < path) > 0)
		if (split(line, part, /[":, ]+/) >= 3)
			json[part[2]] = part[3]
	close(path)
}

function same(what, found, expected,    off)
{
	off = found - expected
	if (found "" == "" || off > 1e-9 || off < -1e-9) {
		printf "%s: found '%s', expected %.12f\n", what, found, expected
		wrong++
	} else
		agree++
}
