# Nearest centroid: each species is the mean of its rows, and has a share by the inverse of the squared
# distance.

END {
	sets_done()
	for (r = 1; r <= trains; r++) {
		count[train_species[r]]++
		for (f = 1; f <= features; f++)
			centre[train_species[r], f] += train[r, f]
	}
	for (r = 1; r <= tests; r++) {
		total = 0
		for (i = 1; i <= kinds; i++) {
			distance = 1e-9
			for (f = 1; f <= features; f++)
				distance += square(test[r, f] - centre[species[i], f] / count[species[i]])
			near[i] = 1 / distance
			total += near[i]
		}
		for (i = 1; i <= kinds; i++)
			share(r, species[i], near[i] / total)
	}
	sets_write()
}
