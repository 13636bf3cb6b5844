"""Engines: ways to compute many runs, behind one interface.

`local`: processes on this machine. `ray`: tasks on a Ray cluster (extra `ray`).
"""
