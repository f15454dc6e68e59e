# Reads the table for the classifiers: train_species[], test_species[], train[row, feature] and
# test[row, feature] in units of the training rows' standard deviation, species[1..] in order of their
# names. The last file of the classifier calls sets_done(), then share(row, species, value) for what
# it thinks of each row of the test, and sets_write().

BEGIN { FS = ","; features = 4 }

FNR == 1 { next }

$2 == "train" {
	trains++
	train_species[trains] = $3
	for (f = 1; f <= features; f++)
		train[trains, f] = $(3 + f) + 0
	next
}

{
	tests++
	test_id[tests] = $1
	test_species[tests] = $3
	for (f = 1; f <= features; f++)
		test[tests, f] = $(3 + f) + 0
}

function square(x) { return x * x }

# The square root by Newton, from above: some small awks have no sqrt().
function root(square_of,    x, next_x) {
	x = square_of > 1 ? square_of : 1
	while ((next_x = (x + square_of / x) / 2) < x)
		x = next_x
	return x
}

function sets_done(    r, f, sum, squares, mean, spread, i, held) {
	for (r = 1; r <= trains; r++)
		if (!(train_species[r] in known)) {
			known[train_species[r]] = 1
			species[++kinds] = train_species[r]
		}
	for (i = 2; i <= kinds; i++)
		for (r = i; r > 1 && species[r] < species[r - 1]; r--) {
			held = species[r]
			species[r] = species[r - 1]
			species[r - 1] = held
		}
	for (f = 1; f <= features; f++) {
		sum = squares = 0
		for (r = 1; r <= trains; r++) {
			sum += train[r, f]
			squares += square(train[r, f])
		}
		mean = sum / trains
		spread = squares / trains - mean * mean
		spread = spread > 0 ? root(spread) : 1
		for (r = 1; r <= trains; r++)
			train[r, f] = (train[r, f] - mean) / spread
		for (r = 1; r <= tests; r++)
			test[r, f] = (test[r, f] - mean) / spread
	}
}

function share(row, kind, value) { shares[row, kind] = value }

# Of equal shares the first name wins.
function best(row,    i, at) {
	at = 1
	for (i = 2; i <= kinds; i++)
		if (shares[row, species[i]] > shares[row, species[at]])
			at = i
	return species[at]
}

function sets_write(    r, i, right) {
	printf "id,species,said"
	for (i = 1; i <= kinds; i++)
		printf ",%s", species[i]
	print ""
	for (r = 1; r <= tests; r++) {
		printf "%d,%s,%s", test_id[r], test_species[r], best(r)
		right += best(r) == test_species[r]
		for (i = 1; i <= kinds; i++)
			printf ",%.6f", shares[r, species[i]]
		print ""
	}
	printf "{ \"accuracy\": %.6f, \"tested\": %d }\n", right / tests, tests > figures
	close(figures)
}
