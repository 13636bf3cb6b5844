"""Published results become truth tables. One module a format."""
