# A decision tree of -v depth: each node takes the feature and the place that make the purest halves
# (Gini). Of equally good ones the first counts. A leaf gives each species its share of the leaf's rows.

function count_node(node,    r, i) {
	size[node] = 0
	for (i = 1; i <= kinds; i++)
		of[node, i] = 0
	for (r = 1; r <= trains; r++)
		if (at[r] == node) {
			size[node]++
			of[node, kind[r]]++
		}
}

# How pure the halves are: the larger the better.
function purity(node, f, place,    r, left, right, i, value) {
	split("", lefts)
	split("", rights)
	for (r = 1; r <= trains; r++)
		if (at[r] == node) {
			if (train[r, f] <= place) {
				left++
				lefts[kind[r]]++
			} else {
				right++
				rights[kind[r]]++
			}
		}
	if (!left || !right)
		return -1
	for (i = 1; i <= kinds; i++)
		value += lefts[i] * lefts[i] / left + rights[i] * rights[i] / right
	return value
}

function grow(node, level,    r, f, value, best_value, i) {
	count_node(node)
	if (level >= depth)
		return
	for (i = 1; i <= kinds; i++)
		if (of[node, i] == size[node])
			return
	best_value = -1
	for (f = 1; f <= features; f++)
		for (r = 1; r <= trains; r++)
			if (at[r] == node) {
				value = purity(node, f, train[r, f])
				if (value > best_value + 1e-12) {
					best_value = value
					by[node] = f
					place[node] = train[r, f]
				}
			}
	if (best_value < 0) {
		delete by[node]
		return
	}
	for (r = 1; r <= trains; r++)
		if (at[r] == node)
			at[r] = 2 * node + (train[r, by[node]] > place[node])
	grow(2 * node, level + 1)
	grow(2 * node + 1, level + 1)
}

END {
	sets_done()
	for (i = 1; i <= kinds; i++)
		number[species[i]] = i
	for (r = 1; r <= trains; r++) {
		kind[r] = number[train_species[r]]
		at[r] = 1
	}
	grow(1, 0)
	for (r = 1; r <= tests; r++) {
		node = 1
		while (node in by)
			node = 2 * node + (test[r, by[node]] > place[node])
		for (i = 1; i <= kinds; i++)
			share(r, species[i], of[node, i] / size[node])
	}
	sets_write()
}
