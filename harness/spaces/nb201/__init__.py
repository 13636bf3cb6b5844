"""NAS-Bench-201 (Dong & Yang, 2020): its cell, equivalence classes, cost and networks."""
