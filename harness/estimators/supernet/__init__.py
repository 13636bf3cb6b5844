"""Ranking: score architectures with the trained supernet's weights, each equivalence class once.

The score is minus the mean loss on a fixed set of validation images; accuracy is stored beside it.
"""
