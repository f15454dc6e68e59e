# What all stages share: files, chance, rounding, sorting.
#
# A stage's files come one after the other and each begins with a line of names: `file` counts them,
# and the line is skipped. All money is in whole units, all rates in hundredths of a per cent, all
# dates are a year and a day from 1 to 365.

BEGIN { FS = OFS = "," }

FNR == 1 { file++; next }

function stop(reason) {
	print FILENAME ":" FNR ": " reason > "/dev/stderr"
	exit 65
}

# The remainder, exact for integers below 2^53; what awks make of % differs there.
function rest(a, m,    r) {
	r = a - int(a / m) * m
	return r < 0 ? r + m : r >= m ? r - m : r
}

# A number in [0, 1) for one purpose, year and person, made of the seed (-v seed). It does not depend
# on who else is there, so a change in one place makes no other people elsewhere, and it has no
# product above 2^53, so it is the same in every awk.
function draw(purpose, year, id,    s, part, turn) {
	s = rest(seed * 7919 + purpose * 104729 + year * 15485863 + id * 3245283, 2147483647)
	for (turn = 1; turn <= 4; turn++) {
		part = rest(s, 67108859)
		s = rest(part * part + s * 16807 + 12345, 2147483647)
	}
	return s / 2147483647
}

function round(x) { return int(x + 0.5) }

# Of numbers; what comes from a file is no number in every awk before something is added to it.
function least(a, b) { return a + 0 < b + 0 ? a + 0 : b + 0 }

function most(a, b) { return a + 0 > b + 0 ? a + 0 : b + 0 }

# Words of fixed width, smallest first: heap sort.
function sort_words(words, n,    i, held) {
	for (i = int(n / 2); i >= 1; i--)
		sift(words, i, n)
	for (i = n; i > 1; i--) {
		held = words[1]
		words[1] = words[i]
		words[i] = held
		sift(words, 1, i - 1)
	}
}

function sift(words, top, n,    child, held) {
	while ((child = 2 * top) <= n) {
		if (child < n && words[child + 1] > words[child])
			child++
		if (words[top] >= words[child])
			return
		held = words[top]
		words[top] = words[child]
		words[child] = held
		top = child
	}
}

# The parts of a whole by weights[1..n], as integers that add up to it: largest remainder.
function share_out(whole, weights, n, parts,    i, sum, given, best, exact) {
	for (i = 1; i <= n; i++)
		sum += weights[i]
	for (i = 1; i <= n; i++) {
		exact = sum > 0 ? whole * weights[i] / sum : 0
		parts[i] = int(exact)
		over[i] = exact - parts[i]
		given += parts[i]
	}
	for (; given < whole; given++) {
		best = 1
		for (i = 2; i <= n; i++)
			if (over[i] > over[best])
				best = i
		parts[best]++
		over[best] = -1
	}
}
