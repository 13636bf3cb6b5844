"""Measure how well a weight-sharing supernet ranks architectures, and what disturbs it."""
