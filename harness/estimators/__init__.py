"""Estimators: whatever gives architectures scores, one folder a family."""
