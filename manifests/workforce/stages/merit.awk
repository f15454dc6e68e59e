# Rises on the first of March, in hundredths of a per cent: more for those who are low in their level.
# Files: the parameters, the compensation, the opening.

file == 1 { value[$1] = $2 + 0; next }

file == 2 { ratio[$1] = $4 + 0; next }

$3 < year {
	rise = value["merit"] * 10000 * (0.5 + draw(51, year, $1))
	rise *= ratio[$1] < 900 ? 1.2 : ratio[$1] > 1100 ? 0.6 : 1
	event(60, "merit", $1, $4, "", "", round(rise))
}
