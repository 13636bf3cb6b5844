"""Settings: what decides the numbers of a run, its presets, and studies of many runs."""
