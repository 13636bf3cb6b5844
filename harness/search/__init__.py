"""Searches: which architecture an algorithm finds for a budget, judged by the truth of it.

`candidates.py` says what can be found, `objectives.py` what a search sees of it, `algorithms.py`
how the next one is chosen; `problem.py` holds them together. `driver.py` asks (`proposing.py`),
evaluates, tells and stores (`storage.py`), with Optuna. `judging.py` holds what was found to a
truth, and `showing.py` writes that down. `preparing.py` finds all that a user asks for, and
`searching.py` runs it.

Reference of the protocol: Ying et al., NAS-Bench-101, ICML 2019, section 5 (regret of the best
architecture by validation accuracy, against the time that trainings took).
"""
