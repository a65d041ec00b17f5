"""An input format for Hadoop: archives in HDFS become spans of a block, each read where it lies."""
