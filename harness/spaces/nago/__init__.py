"""Neural Architecture Generator Optimization: generators of networks, by eight hyper-parameters."""
