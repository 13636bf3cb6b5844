"""Run folders: what they hold, and how they are found and compared."""
