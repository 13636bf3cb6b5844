"""The sub-spaces of NAS-Bench-101 in which cells can share weights (NAS-Bench-1Shot1)."""
