"""TransNAS-Bench-101: its cells (micro) and its sequences of modules (macro)."""
