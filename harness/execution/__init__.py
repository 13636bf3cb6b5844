"""Execution: from settings to finished run folders, in this process or on many machines."""
