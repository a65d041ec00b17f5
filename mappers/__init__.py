"""One module an analysis: the map side. Each runs as a Hadoop Streaming mapper by itself."""
