"""The user's own code: what a run depends on beside crawlmill, how it travels, and how it is found."""
