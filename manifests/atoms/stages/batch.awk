# One batch of records: the -v batch th of -v batches equal parts of the file, and behind it the first
# -v overlap of the part that follows, that of the last being the first. The order is that of -v seed.
# Of what overlaps every other line ends as some other systems write them, with a CR.
# -v damaged=true: one record in forty has lost its latitude.

FNR > 1 { record[++records] = $0 }

END {
	first = int(records * (batch - 1) / batches)
	last = int(records * batch / batches)
	for (r = first + 1; r <= last; r++)
		line[++lines] = damage(record[r], r)
	more = int(overlap * records / batches)
	for (r = 1; r <= more; r++) {
		at = (last + r - 1) % records + 1
		line[++lines] = damage(record[at], at) (r % 2 ? "\r" : "")
	}
	shuffle()
	for (r = 1; r <= lines; r++)
		print line[r]
}

function damage(text, r) {
	if (damaged == "true" && r % 40 == 0)
		sub(/,[^,]*,[^,]*$/, ",,0", text)
	return text
}

# A multiplicative generator (Park and Miller): below 2^31, so that every awk computes it exactly.
function random(below) {
	state = state * 16807 % 2147483647
	return int(state / 2147483647 * below)
}

function shuffle(    r, other, held) {
	state = seed * 1000 + batch
	for (r = lines; r > 1; r--) {
		other = 1 + random(r)
		held = line[r]
		line[r] = line[other]
		line[other] = held
	}
}
