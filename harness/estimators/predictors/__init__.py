"""Predictors: regressions of accuracy, fitted to the truth of a few architectures."""
