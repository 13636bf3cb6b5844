"""The weight-sharing supernet, and stand-alone networks of the same skeleton."""
