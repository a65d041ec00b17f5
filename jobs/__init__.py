"""mrjob jobs: the same analyses on the runners of mrjob, and jobs of several steps."""
