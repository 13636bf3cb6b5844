"""Short trainings: each architecture from scratch for a few epochs, with or without a teacher."""
