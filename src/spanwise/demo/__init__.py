"""The main job end to end: a dataset bigger than its memory, through FFT and k-means."""
