"""The networks: the weight-sharing supernet, and one architecture on its own."""
