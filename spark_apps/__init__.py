"""Applications for spark-submit: the same analyses on Spark, and those that want SQL or graphs."""
