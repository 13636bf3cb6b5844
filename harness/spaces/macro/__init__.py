"""NAS-Bench-Macro (Su et al., 2021): its chain of blocks, cost and networks."""
