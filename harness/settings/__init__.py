"""Settings of a run, the presets they start from, and studies of many runs."""
