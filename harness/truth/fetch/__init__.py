"""What can be downloaded, and how it arrives whole. Nothing here runs without being asked for."""
