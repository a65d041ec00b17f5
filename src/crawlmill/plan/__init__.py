"""From what the user typed to an ordered list of splits."""
