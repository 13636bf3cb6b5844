"""Files: written whole or not at all, journals of work that resumes, and where data lies."""
