"""Tasks in processes that are watched: what hangs or crashes costs one record, not the split."""
