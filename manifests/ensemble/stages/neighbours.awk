# The -v k nearest rows have a share each. Of rows at one distance the earlier counts.

END {
	sets_done()
	for (r = 1; r <= tests; r++) {
		for (n = 1; n <= trains; n++) {
			distance[n] = 0
			for (f = 1; f <= features; f++)
				distance[n] += square(test[r, f] - train[n, f])
		}
		split("", votes)
		split("", taken)
		for (v = 1; v <= k && v <= trains; v++) {
			nearest = 0
			for (n = 1; n <= trains; n++)
				if (!(n in taken) && (!nearest || distance[n] < distance[nearest]))
					nearest = n
			taken[nearest] = 1
			votes[train_species[nearest]]++
		}
		for (i = 1; i <= kinds; i++)
			share(r, species[i], votes[species[i]] / (v - 1))
	}
	sets_write()
}
