"""Searches: which architecture an algorithm finds for a budget, judged by the truth of it.

`candidates.py` says what can be found, `objectives.py` what a search sees of it, `algorithms.py`
how the next one is chosen, `driver.py` asks, evaluates, tells and stores, with Optuna,
`judging.py` holds what was found to a truth, and `showing.py` writes that down. `searching.py`
puts them together.

Reference of the protocol: Ying et al., NAS-Bench-101, ICML 2019, section 5 (regret of the best
architecture by validation accuracy, against the time that trainings took).
"""
