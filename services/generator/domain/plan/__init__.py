"""What a generation will take of a device, and the way it goes there; reckoned, with nothing loaded."""
