"""Floor 1: one concrete block in, concrete blocks out. No Dask, no labels, no files but staging."""
