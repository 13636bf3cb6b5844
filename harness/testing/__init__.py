"""Laws that every space and strategy keeps, for tests of one's own as well as for ours."""
