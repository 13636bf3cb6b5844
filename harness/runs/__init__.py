"""Run folders: what a run leaves behind, how they are found and compared."""
