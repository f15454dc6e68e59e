# The parameters of one year: of each name the row with the latest year that has come, unless
# -v override says NAME=VALUE,… File: the parameters.

$1 ~ /^[0-9]+$/ && $1 <= year {
	if (!($2 in value))
		name[++names] = $2
	if (!($2 in value) || $1 >= from[$2]) {
		from[$2] = $1 + 0
		value[$2] = $3
	}
}

END {
	n = split(override, pair, ",")
	for (i = 1; i <= n; i++) {
		split(pair[i], part, "=")
		if (!(part[1] in value) || part[2] !~ /^-?[0-9.]+$/)
			stop("'" pair[i] "' is no NAME=VALUE of a parameter")
		value[part[1]] = part[2]
	}
	print "name,value"
	for (i = 1; i <= names; i++)
		print name[i], value[name[i]]
}
