# A record of the file becomes an atom: its digest, and its fields without quotes, all behind tabs. So the
# same record is the same atom, however its line was written. A record that is none fails for good.

BEGIN {
	for (i = 1; i < 256; i++)
		code[sprintf("%c", i)] = i
}

{
	sub(/[ \r]+$/, "")
	gsub(/\t/, " ")
	if (fields($0) != 7)
		fail(count " fields where 7 are expected")
	else if (field[1] == "")
		fail("no code")
	else if (!is_within(field[6], 90))
		fail("'" field[6] "' is no latitude")
	else if (!is_within(field[7], 180))
		fail("'" field[7] "' is no longitude")
	else
		answer(atom())
}

# Commas within quotes are of the field.
function fields(text,    part, parts, i) {
	count = 0
	parts = split(text, part, ",")
	for (i = 1; i <= parts; i++) {
		field[++count] = part[i]
		if (part[i] ~ /^"/)
			while (i < parts && part[i] !~ /"$/)
				field[count] = field[count] "," part[++i]
		gsub(/^"|"$/, "", field[count])
	}
	return count
}

function is_within(text, bound) {
	return text ~ /^-?[0-9]+(\.[0-9]+)?$/ && text + 0 <= bound && text + 0 >= -bound
}

function atom(    text, i) {
	for (i = 1; i <= 7; i++)
		text = text "\t" field[i]
	return digest(text) text
}

# Two polynomials modulo primes below 2^31, 62 bits together: every awk computes them exactly.
function digest(text,    i, byte, high, low) {
	high = low = 1
	for (i = 1; i <= length(text); i++) {
		byte = code[substr(text, i, 1)]
		high = (high * 1048573 + byte) % 2147483647
		low = (low * 999983 + byte) % 2147483629
	}
	return sprintf("%08x%08x", high, low)
}
