"""Makes data_samples/: a small synthetic crawl whose answers are counted while it is written, never read back."""
