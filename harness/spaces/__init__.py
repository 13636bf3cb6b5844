"""Search spaces: what can be ranked. One folder a space."""
