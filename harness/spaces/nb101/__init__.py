"""NAS-Bench-101: cells of up to seven vertices and nine edges."""
