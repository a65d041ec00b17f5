"""A real Hadoop on this machine: fetched, laid out as a HADOOP_HOME, and run as daemons on 127.0.0.1."""
