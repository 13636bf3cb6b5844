"""Processes that train one supernet together."""
