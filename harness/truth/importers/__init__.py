"""Published results become truth tables. One folder a benchmark; rows of any space beside them."""
