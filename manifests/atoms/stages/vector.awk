# Vectors of atoms. `old` counts words in 64 places, `new` counts words and, for those that are alike and
# not the same, runs of three letters, in 1024. Which place a gram has, and with which sign, its hash
# says. A vector is a list PLACE:WEIGHT, without the zeroes.

BEGIN {
	for (vector_i = 1; vector_i < 256; vector_i++)
		vector_code[sprintf("%c", vector_i)] = vector_i
}

function vector_hash(text,    i, value) {
	value = 7
	for (i = 1; i <= length(text); i++)
		value = (value * 1048573 + vector_code[substr(text, i, 1)]) % 2147483647
	return value
}

function vector_add(gram, weight, places,    hash, place) {
	hash = vector_hash(gram)
	place = int(hash / 2) % places
	vector_sum[place] += hash % 2 ? weight : -weight
	if (place > vector_last)
		vector_last = place
}

function vector_words(model, text, weight, places,    word, words, i, at) {
	words = split(tolower(text), word, /[^a-zA-Z0-9]+/)
	for (i = 1; i <= words; i++) {
		if (word[i] == "")
			continue
		vector_add(word[i], 3 * weight, places)
		if (model == "new")
			for (at = 1; at <= length(word[i]); at++)
				vector_add(substr(" " word[i] " ", at, 3), weight, places)
	}
}

# The name and the city are of the same words; the state, which most of a neighbour should share, and the
# country have words of their own.
function vector(model, name, city, state, country,    places, i, text) {
	places = model == "new" ? 1024 : 64
	split("", vector_sum)
	vector_last = 0
	vector_words(model, name, 1, places)
	vector_words(model, city, 2, places)
	if (state != "")
		vector_add("state " state, 12, places)
	if (country != "")
		vector_add("country " country, 4, places)
	for (i = 0; i <= vector_last; i++)
		if (vector_sum[i])
			text = text (text == "" ? "" : " ") i ":" vector_sum[i]
	return text
}
