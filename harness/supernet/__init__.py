"""Weight sharing: batch norm apart from the network, and the patches that layers see."""
